//! How rows of activations fall into blocks.

use std::ops::Range;

/// Consecutive rows that are computed together: 1, 2, 4, 8 or 16 of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowBlock {
    pub(super) start: usize,
    pub(super) len: usize,
}

/// The sizes into which rows are cut: whole blocks of `largest`, then of `then`, then what is left
/// by descending powers of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockSizes {
    /// A multiple of `then`.
    pub(super) largest: usize,
    /// A power of two.
    pub(super) then: usize,
}

impl Default for BlockSizes {
    /// Every row is a block.
    fn default() -> Self {
        Self {
            largest: 1,
            then: 1,
        }
    }
}

/// Number of blocks of `rows` rows.
pub(super) fn count(rows: usize, sizes: BlockSizes) -> usize {
    let rest = rows % sizes.largest;
    rows / sizes.largest + rest / sizes.then + (rest % sizes.then).count_ones() as usize
}

/// The blocks of `range` among the [`count`] blocks of `rows` rows.
pub(super) fn blocks(
    rows: usize,
    sizes: BlockSizes,
    range: Range<usize>,
) -> impl Iterator<Item = RowBlock> {
    range.map(move |index| block(rows, sizes, index))
}

fn block(rows: usize, sizes: BlockSizes, index: usize) -> RowBlock {
    let BlockSizes { largest, then } = sizes;
    let (whole, rest) = (rows / largest, rows % largest);
    if index < whole {
        return RowBlock {
            start: index * largest,
            len: largest,
        };
    }
    let (index, middle) = (index - whole, rest / then);
    if index < middle {
        return RowBlock {
            start: whole * largest + index * then,
            len: then,
        };
    }
    let (mut start, mut rest) = (whole * largest + middle * then, rest % then);
    for _ in middle..index {
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
        for (largest, then) in [(1, 1), (2, 2), (4, 4), (8, 8), (16, 2), (16, 4), (16, 8)] {
            let sizes = BlockSizes { largest, then };
            for rows in 0..70 {
                let mut next = 0;
                for block in blocks(rows, sizes, 0..count(rows, sizes)) {
                    assert_eq!(block.start, next, "{rows} rows by {sizes:?}");
                    assert!(block.len.is_power_of_two());
                    let largest = rows - next >= largest;
                    assert!(block.len == sizes.largest || (!largest && block.len <= then));
                    next += block.len;
                }
                assert_eq!(next, rows, "{rows} rows by {sizes:?}");
            }
        }
    }
}
