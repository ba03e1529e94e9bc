//! The same models over candle tensors, for devices that are not the CPU.
//!
//! [`DeviceRunner`] computes what [`LlamaRunner`](super::LlamaRunner) does, from the same spec and
//! the same files: weights go to the device as they are stored (quantised ones as candle's
//! `QTensor`), the KV cache is paged there, and a step is tensors: [`Inputs`](inputs::Inputs) in,
//! logits out. Nothing here knows which device it is; tests run all of it on candle's CPU device.
//!
//! What is to hold E9 on a GPU: candle and cuBLAS choose another kernel, and with it another order of
//! sums, for other numbers of rows. So a step's rows are filled up to whole tiles of
//! [`TILE_ROWS`](matrix::TILE_ROWS), every product has exactly one tile of rows, and all else goes
//! row by row: a row meets the same kernels in the same shapes whoever shares its step.

mod inputs;
mod layer;
mod matrix;
mod runner;
#[cfg(test)]
mod tests;

pub(super) use runner::DeviceRunner;
