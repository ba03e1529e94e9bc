//! How rows of activations fall into blocks.

use std::ops::Range;

/// Consecutive rows that are computed together: 1, 2, 4 or 8 of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowBlock {
    pub(super) start: usize,
    pub(super) len: usize,
}

/// Number of blocks of `rows` rows, `largest` (a power of two) in a block: whole blocks, then the
/// rest by descending powers of two.
pub(super) fn count(rows: usize, largest: usize) -> usize {
    rows / largest + (rows % largest).count_ones() as usize
}

/// The blocks of `range` among the [`count`] blocks of `rows` rows.
pub(super) fn blocks(
    rows: usize,
    largest: usize,
    range: Range<usize>,
) -> impl Iterator<Item = RowBlock> {
    range.map(move |index| block(rows, largest, index))
}

fn block(rows: usize, largest: usize, index: usize) -> RowBlock {
    let whole = rows / largest;
    if index < whole {
        return RowBlock {
            start: index * largest,
            len: largest,
        };
    }
    let (mut start, mut rest) = (whole * largest, rows % largest);
    for _ in whole..index {
        let len = highest_power(rest);
        start += len;
        rest -= len;
    }
    RowBlock {
        start,
        len: highest_power(rest),
    }
}

fn highest_power(n: usize) -> usize {
    if n == 0 { 0 } else { 1 << n.ilog2() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_every_row_once_in_order() {
        for largest in [1, 2, 4, 8] {
            for rows in 0..40 {
                let mut next = 0;
                for block in blocks(rows, largest, 0..count(rows, largest)) {
                    assert_eq!(block.start, next, "{rows} rows by {largest}");
                    assert!(block.len.is_power_of_two() && block.len <= largest);
                    next += block.len;
                }
                assert_eq!(next, rows, "{rows} rows by {largest}");
            }
        }
    }
}
