//! CPU kernels: packed matrix products, paged attention, norms, rotary embedding, activation.
//!
//! They work on plain `f32` slices, rows after each other, and know nothing of models or requests.
//! [`Kernels`] holds the threads and the instruction set; a [`PackedMatrix`] holds weights in the
//! order in which the product reads them; a [`MatmulInput`] holds activations in the forms that
//! products read; a [`KvLayer`] holds one layer's keys and values in blocks.
//!
//! What must be true (E9): each output is computed by the same operations in the same order whatever
//! the number of rows, their neighbours, the threads and the instruction set. Integer sums are exact;
//! float sums go group by group in order of `k`, with fused multiply-add, one output a lane.

mod amx;
mod attention;
mod context;
#[cfg(any(test, feature = "cuda"))]
pub(crate) mod device;
mod disjoint;
mod error;
mod matmul;
mod ops;
mod pages;
mod pool;
mod quant;
mod ready;
mod records;
mod simd;
#[cfg(test)]
mod tests;

pub use amx::AmxError;
pub use attention::{
    AttentionPlan, AttentionShape, AttentionSpan, HeadNorms, HeadRows, KvLayer, KvShape, KvSlot,
};
pub use context::Kernels;
pub use error::KernelError;
pub use matmul::{ActivationBits, InputRows, MatmulInput, PackedMatrix, TensorBytes};
pub use ops::{AddedRows, Gate, GatedRows, NormedRows, RopeStyle, RopeTable};
pub use quant::{Format, dequantise};
pub(crate) use ready::{PackedSegment, SegmentKey};
pub(crate) use simd::{PlainLoop, widest};
