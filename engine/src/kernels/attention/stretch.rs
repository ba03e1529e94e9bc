//! One stretch of a context for the rows of a piece: scores, the online softmax, the sum of values.

use std::mem;
use std::ops::Range;

use super::ahead::Ahead;
use super::plan::PIECE_ROWS;
use super::products::{Scores, ValueSums};
use super::rows::{Walk, bands};
use super::section::Sums;
use super::tile::{Band, Queries, TILE_DIMS, Tile};
use crate::kernels::simd::{LANES, Simd};
use crate::{BLOCK_SIZE, BlockId};

/// Blocks that a row takes before it looks at its maximum again. They are counted from position 0,
/// so that they do not depend on where a chunk begins.
pub(super) const STRETCH: usize = 4;
/// Positions of a stretch.
pub(super) const STRETCH_LEN: usize = STRETCH * BLOCK_SIZE;

/// A number for each position of a stretch: products of a query with the keys, then the weights.
pub(super) type Weights = [[f32; LANES]; STRETCH];

/// What the stretches of pieces use one after the other.
pub(super) struct Workplace {
    tile: Tile,
    /// Of each row.
    weights: [Weights; PIECE_ROWS],
    /// Of each row: the factor by which what was summed before shrinks.
    shrink: [f32; PIECE_ROWS],
}

impl Workplace {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self {
            tile: Tile::EMPTY,
            weights: [[[0.0; LANES]; STRETCH]; PIECE_ROWS],
            shrink: [1.0; PIECE_ROWS],
        }
    }
}

/// A stretch as a piece sees it.
pub(super) struct Stretch<'a> {
    pub(super) walk: &'a Walk<'a>,
    /// The rows that walk over it.
    pub(super) rows: Range<usize>,
    /// Its first position.
    pub(super) start: usize,
    pub(super) blocks: &'a [BlockId],
    /// KV head and blocks of the stretch that comes next.
    pub(super) next: Option<(usize, &'a [BlockId])>,
}

/// Calls `$rows!` with the number of rows of a band.
macro_rules! with_rows {
    ($band:expr, $rows:ident) => {
        match $band.len {
            6 => $rows!(6),
            4 => $rows!(4),
            3 => $rows!(3),
            2 => $rows!(2),
            _ => $rows!(1),
        }
    };
}

impl Stretch<'_> {
    #[inline(always)]
    pub(super) fn run<S: Simd>(
        &self,
        s: S,
        queries: &Queries,
        section: &mut Sums,
        at: &mut Workplace,
    ) {
        let head = (self.walk.cache(), self.walk.kv_head());
        let head_dim = self.walk.cache().head_dim();
        let tiles = head_dim.div_ceil(TILE_DIMS);
        for first in (0..head_dim).step_by(TILE_DIMS) {
            let dims = TILE_DIMS.min(head_dim - first);
            let keys = at.tile.load_keys(s, head, self.blocks, (first, dims));
            let mut ahead = self.next.map_or(Ahead::NOTHING, |(kv_head, blocks)| {
                let head = (self.walk.cache(), kv_head);
                Ahead::keys(head, blocks, (first / TILE_DIMS, tiles))
            });
            for band in bands::<S>(&self.rows) {
                if !self.touches(band) {
                    continue;
                }
                macro_rules! scores {
                    ($rows:literal) => {
                        if $rows <= S::ATTENTION_ROWS {
                            s.apart(Scores::<$rows> {
                                queries: queries.band(band, first, dims),
                                keys,
                                fresh: first == 0,
                                scores: &mut at.weights[band.row..],
                                ahead: mem::replace(&mut ahead, Ahead::NOTHING),
                            });
                        }
                    };
                }
                with_rows!(band, scores);
            }
        }
        for band in bands::<S>(&self.rows) {
            if !self.touches(band) {
                continue;
            }
            // Rows apart from each other, so that the processor works on several at once.
            let rows = band.row..band.row + band.len;
            for row in rows.clone() {
                let seen = self.walk.seen(row, self.start);
                at.shrink[row] = section.states[row].raise(s, seen, &at.weights[row]);
            }
            for row in rows {
                let seen = self.walk.seen(row, self.start);
                section.states[row].weigh(s, seen, &mut at.weights[row]);
            }
        }
        for first in (0..head_dim).step_by(TILE_DIMS) {
            let dims = TILE_DIMS.min(head_dim - first);
            let values = at.tile.load_values(s, head, self.blocks, (first, dims));
            let mut ahead = self.next.map_or(Ahead::NOTHING, |(kv_head, blocks)| {
                let head = (self.walk.cache(), kv_head);
                Ahead::values(head, blocks, (first / TILE_DIMS, tiles))
            });
            for band in bands::<S>(&self.rows) {
                if !self.touches(band) {
                    continue;
                }
                macro_rules! sums {
                    ($rows:literal) => {
                        if $rows <= S::ATTENTION_ROWS {
                            s.apart(ValueSums::<$rows> {
                                seen: (self.walk, band.row, self.start),
                                sums: section.rows(band.row),
                                vectors: (first / LANES, dims / LANES),
                                values,
                                weights: &at.weights[band.row..],
                                shrink: &at.shrink[band.row..],
                                ahead: mem::replace(&mut ahead, Ahead::NOTHING),
                            });
                        }
                    };
                }
                with_rows!(band, sums);
            }
        }
    }

    /// Whether some row of a band sees something of the stretch.
    #[inline(always)]
    fn touches(&self, band: Band) -> bool {
        (band.row..band.row + band.len).any(|row| {
            let (from, to) = self.walk.seen(row, self.start);
            from < to
        })
    }
}
