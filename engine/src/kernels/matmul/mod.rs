//! Products of activations with packed weights.
//!
//! **Quantised weights.** All formats become one family: unsigned codes `u` in groups of 32 or 16
//! along `k`, each group with a scale and an offset, so that a weight is `scale * u + offset`.
//! Activations become signed integers `q` in groups of 32 with one scale `d` each. An output is
//!
//! ```text
//! y = sum over groups g of  (scale * d) * sum(u * q)  +  offset * (d * sum(q))
//! ```
//!
//! whose inner sums are exact integers.
//!
//! **Tiles.** Sixteen output rows lie side by side, one a lane. A tile of quantised weights is, for
//! each group: quads of 4 values of `k` by 16 columns (64 bytes; with 4-bit codes two quads share a
//! line, the first in the low nibbles), 16 scales, and 16 offsets where the format has them. A tile
//! of float weights is 16 values for each `k`, in their own type.
//!
//! **Row blocks.** Rows of activations are interleaved in blocks of up to
//! [`Simd::MATMUL_ROWS`](super::simd::Simd::MATMUL_ROWS), so that weights that were loaded once
//! serve all rows of a block. Where the processor has tile registers (AMX), quantised weights times
//! blocks of 16 rows are theirs: see [`tiled`]. A row is computed from its source (plain, normed,
//! gated) while it is taken in, and only the form that the product reads is written.

mod fill;
mod float;
mod input;
mod pack;
mod packed;
mod product;
mod quantised;
mod row;
mod rows;
mod tiled;

pub use input::{ActivationBits, InputRows, MatmulInput};
pub(in crate::kernels) use packed::Line;
pub use packed::{PackedMatrix, TensorBytes};
#[cfg(test)]
mod tests;
