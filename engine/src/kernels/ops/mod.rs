//! Operations row by row: norm with residual sum and activation, computed while a product takes its
//! rows in; biases; the turning of the rotary embedding.

mod activation;
mod add;
mod norm;
mod rope;
mod source;

pub use activation::{Gate, GatedRows};
pub(super) use activation::{Gated, GeluTanh, Silu};
pub use norm::{AddedRows, NormedRows};
pub(super) use norm::{Normed, norm_in_place};
pub use rope::{RopeStyle, RopeTable};
pub(super) use source::{Plain, Source, store};
#[cfg(test)]
mod tests;

/// Values below which an operation is not worth another thread.
const SERIAL_VALUES: usize = 16 * 1024;

/// Rows of `width` values that one chunk has at least.
fn least_rows(width: usize) -> usize {
    (SERIAL_VALUES / width.max(1)).max(1)
}
