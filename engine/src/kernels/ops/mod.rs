//! Operations row by row: norm, rotary embedding, activation, sums.

mod activation;
mod add;
mod norm;
mod rope;

pub use rope::{RopeStyle, RopeTable};
#[cfg(test)]
mod tests;

/// Values below which an operation is not worth another thread.
const SERIAL_VALUES: usize = 16 * 1024;

/// Rows of `width` values that one chunk has at least.
fn least_rows(width: usize) -> usize {
    (SERIAL_VALUES / width.max(1)).max(1)
}
