//! The two products of attention: queries with keys, weights with values.

#![expect(
    unsafe_code,
    reason = "a piece has rows and heads of the output for itself"
)]

use std::ops::Range;

use super::rows::{At, Walk};
use super::stretch::{Grid, Seen};
use crate::BLOCK_SIZE;
use crate::kernels::simd::{LANES, Simd};

impl Walk<'_> {
    /// Dot products of the queries with the keys of some blocks of the stretch, each one chain in
    /// order of the dimensions; as many side by side as the registers hold.
    #[inline(always)]
    pub(super) fn scores<S: Simd, const R: usize>(
        &self,
        s: S,
        at: At<'_>,
        blocks: Range<usize>,
        grid: &mut Grid<R>,
    ) {
        let mut block = blocks.start;
        while block < blocks.end {
            let left = blocks.end - block;
            block += if R * 4 <= S::ATTENTION_CHAINS && left >= 4 {
                self.block_scores::<S, R, 4>(s, at, block, grid)
            } else if R * 2 <= S::ATTENTION_CHAINS && left >= 2 {
                self.block_scores::<S, R, 2>(s, at, block, grid)
            } else {
                self.block_scores::<S, R, 1>(s, at, block, grid)
            };
        }
    }

    /// The scores of `B` blocks from `first` on.
    #[inline(always)]
    fn block_scores<S: Simd, const R: usize, const B: usize>(
        &self,
        s: S,
        at: At<'_>,
        first: usize,
        grid: &mut Grid<R>,
    ) -> usize {
        let head_dim = self.shared.cache.head_dim();
        let mut keys: [&[[u16; BLOCK_SIZE]]; B] = [&[]; B];
        for (keys, block) in keys.iter_mut().zip(&at.blocks[first..]) {
            *keys = &self.shared.cache.keys(*block, self.piece.kv_head)[..head_dim];
        }
        let mut queries: [&[f32]; R] = [&[]; R];
        for (r, query) in queries.iter_mut().enumerate() {
            *query = &self.shared.q[self.place(at.row + r)..][..head_dim];
        }
        let mut sums = [[s.splat(0.0); B]; R];
        for d in 0..head_dim {
            let mut key = [s.splat(0.0); B];
            for b in 0..B {
                key[b] = s.load_f16(&keys[b][d]);
            }
            for r in 0..R {
                let query = s.splat(queries[r][d]);
                for b in 0..B {
                    sums[r][b] = s.mul_add(key[b], query, sums[r][b]);
                }
            }
        }
        for r in 0..R {
            for b in 0..B {
                s.store(sums[r][b], &mut grid[r][first + b]);
            }
        }
        B
    }

    /// `out = out * shrink + weights * values`, position by position. A row takes the positions
    /// that it sees and no other, whatever lies in them.
    #[inline(always)]
    pub(super) fn add_values<S: Simd, const R: usize>(
        &self,
        s: S,
        at: At<'_>,
        seen: &Seen<R>,
        weights: &Grid<R>,
        shrink: &[f32; R],
    ) {
        let vectors = self.shared.cache.head_dim() / LANES;
        let sum = ValueSum {
            walk: self,
            at,
            seen,
            weights,
            shrink,
        };
        let mut vector = 0;
        while vector < vectors {
            let left = vectors - vector;
            vector += if R * 4 <= S::ATTENTION_CHAINS && left >= 4 {
                sum.add::<S, 4>(s, vector)
            } else if R * 2 <= S::ATTENTION_CHAINS && left >= 2 {
                sum.add::<S, 2>(s, vector)
            } else {
                sum.add::<S, 1>(s, vector)
            };
        }
    }
}

/// A weighted sum of values.
struct ValueSum<'a, const R: usize> {
    walk: &'a Walk<'a>,
    at: At<'a>,
    seen: &'a Seen<R>,
    weights: &'a Grid<R>,
    shrink: &'a [f32; R],
}

impl<const R: usize> ValueSum<'_, R> {
    /// `D` vectors of the head from `first` on.
    #[inline(always)]
    fn add<S: Simd, const D: usize>(&self, s: S, first: usize) -> usize {
        let Self {
            walk,
            at,
            seen,
            weights,
            shrink,
        } = *self;
        let mut sums = [[s.splat(0.0); D]; R];
        for r in 0..R {
            // SAFETY: the piece is this thread's own, and no other row is borrowed.
            let out = unsafe { walk.out(at.row + r) };
            let (out, _) = out.as_chunks::<LANES>();
            for d in 0..D {
                sums[r][d] = s.mul(s.load(&out[first + d]), s.splat(shrink[r]));
            }
        }
        // The last row begins last, the first one ends first: what lies between, all see.
        let begin = seen[R - 1].0;
        let end = begin.max(seen[0].1);
        for r in 0..R {
            let before = seen[r].0..begin.min(seen[r].1);
            self.add_row::<S, D>(s, first, r, before, &mut sums[r]);
        }
        for position in begin..end {
            let values = walk.values::<S, D>(s, at, position, first);
            for r in 0..R {
                let weight = s.splat(weights[r].as_flattened()[position]);
                for d in 0..D {
                    sums[r][d] = s.mul_add(values[d], weight, sums[r][d]);
                }
            }
        }
        for r in 0..R {
            self.add_row::<S, D>(s, first, r, end..seen[r].1, &mut sums[r]);
            // SAFETY: as above.
            let out = unsafe { walk.out(at.row + r) };
            let (out, _) = out.as_chunks_mut::<LANES>();
            for d in 0..D {
                s.store(sums[r][d], &mut out[first + d]);
            }
        }
        D
    }

    /// Positions that not all rows see, for one row.
    #[inline(always)]
    fn add_row<S: Simd, const D: usize>(
        &self,
        s: S,
        first: usize,
        r: usize,
        positions: Range<usize>,
        sums: &mut [S::F; D],
    ) {
        for position in positions {
            let values = self.walk.values::<S, D>(s, self.at, position, first);
            let weight = s.splat(self.weights[r].as_flattened()[position]);
            for d in 0..D {
                sums[d] = s.mul_add(values[d], weight, sums[d]);
            }
        }
    }
}

impl Walk<'_> {
    /// `D` vectors, from `first` on, of the value of a position of the stretch.
    #[inline(always)]
    fn values<S: Simd, const D: usize>(
        &self,
        s: S,
        at: At<'_>,
        position: usize,
        first: usize,
    ) -> [S::F; D] {
        let head_dim = self.shared.cache.head_dim();
        let block = self
            .shared
            .cache
            .values(at.blocks[position / BLOCK_SIZE], self.piece.kv_head);
        let row = &block[position % BLOCK_SIZE * head_dim..][..head_dim];
        let (vectors, _) = row.as_chunks::<LANES>();
        let mut values = [s.splat(0.0); D];
        for d in 0..D {
            values[d] = s.load_f16(&vectors[first + d]);
        }
        values
    }
}
