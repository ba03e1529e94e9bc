//! Storage formats of weights: what a block holds, its plain decoding, and its translation into the
//! one family that the packed kernels read.

mod codes;
mod dequantise;
mod format;
mod k_codes;
mod k_dequantise;

pub(super) use codes::{Grouping, unpack_block};
pub use dequantise::dequantise;
pub use format::Format;
#[cfg(test)]
mod tests;
