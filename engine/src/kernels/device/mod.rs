//! The paged KV cache on a candle device: its operations, which candle does not have.
//!
//! [`DeviceKv`] is one layer's keys and values; new ones go in by slot, attention comes out by
//! block tables ([`PagedRows`]). Each operation is a candle custom operation with two bodies: on a
//! GPU the kernels of `engine/cuda/paged.cu`, which NVRTC compiles when a model is loaded
//! ([`Program`]), so that nothing but candle's own kernels needs a CUDA compiler at build time; on
//! candle's CPU device a plain loop, which is what tests hold everything else to. The CPU engine
//! does not come here.

mod attend;
mod cache;
#[cfg(feature = "cuda")]
mod cuda;
mod number;
mod program;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use cache::{DeviceKv, NONE, PagedRows};
#[cfg(feature = "cuda")]
pub(crate) use cuda::open_gpu;
pub(crate) use program::Program;
