//! The two products of attention: queries with keys, weights with values.

use super::rows::Walk;
use super::stretch::{STRETCH_LEN, Weights};
use super::tile::{Key, TILE_VECTORS, Value};
use crate::kernels::simd::{Kernel, LANES, Simd};

/// Some dimensions of the dot products of `R` queries with the keys of a stretch, added to what the
/// dimensions before gave. Each is one chain in order of the dimensions; as many run side by side as
/// the registers hold.
pub(super) struct Scores<'a, const R: usize> {
    /// Of these dimensions, the `R` queries' values.
    pub(super) queries: &'a [[f32; R]],
    pub(super) keys: &'a [Key],
    /// Whether these are the first dimensions.
    pub(super) fresh: bool,
    pub(super) scores: &'a mut [Weights],
}

impl<const R: usize> Kernel for Scores<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        if R * 4 <= S::ATTENTION_CHAINS {
            self.blocks::<S, 4>(s, 0);
        } else if R * 2 <= S::ATTENTION_CHAINS {
            self.blocks::<S, 2>(s, 0);
            self.blocks::<S, 2>(s, 2);
        } else {
            self.blocks::<S, 1>(s, 0);
            self.blocks::<S, 1>(s, 1);
            self.blocks::<S, 1>(s, 2);
            self.blocks::<S, 1>(s, 3);
        }
    }
}

impl<const R: usize> Scores<'_, R> {
    /// `B` blocks from `first` on.
    #[inline(always)]
    fn blocks<S: Simd, const B: usize>(&mut self, s: S, first: usize) {
        let Some(scores) = self.scores.first_chunk_mut::<R>() else {
            return;
        };
        let mut sums = [[s.splat(0.0); B]; R];
        if !self.fresh {
            for r in 0..R {
                for b in 0..B {
                    sums[r][b] = s.load(&scores[r][first + b]);
                }
            }
        }
        for (keys, queries) in self.keys.iter().zip(self.queries) {
            let mut key = [s.splat(0.0); B];
            for b in 0..B {
                key[b] = s.load(&keys[first + b]);
            }
            for r in 0..R {
                let query = s.splat(queries[r]);
                for b in 0..B {
                    sums[r][b] = s.mul_add(key[b], query, sums[r][b]);
                }
            }
        }
        for r in 0..R {
            for b in 0..B {
                s.store(sums[r][b], &mut scores[r][first + b]);
            }
        }
    }
}

/// `out = out * shrink + weights * values` for `R` rows and the dimensions of a tile, position by
/// position. A row takes the positions that it sees and no other, whatever lies in them.
pub(super) struct ValueSums<'a, const R: usize> {
    pub(super) walk: &'a Walk<'a>,
    pub(super) row: usize,
    /// First position of the stretch.
    pub(super) start: usize,
    /// First vector of the head that is summed, and their number.
    pub(super) vectors: (usize, usize),
    pub(super) values: &'a [Value; STRETCH_LEN],
    /// Of the `R` rows.
    pub(super) weights: &'a [Weights],
    pub(super) shrink: &'a [f32],
}

impl<const R: usize> Kernel for ValueSums<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (_, count) = self.vectors;
        if R * 4 <= S::ATTENTION_CHAINS && count == TILE_VECTORS {
            self.add::<S, 4>(s, 0);
            return;
        }
        let mut vector = 0;
        while vector < count.min(TILE_VECTORS) {
            let left = count - vector;
            vector += if R * 2 <= S::ATTENTION_CHAINS && left >= 2 {
                self.add::<S, 2>(s, vector)
            } else {
                self.add::<S, 1>(s, vector)
            };
        }
    }
}

impl<const R: usize> ValueSums<'_, R> {
    /// `D` vectors of the tile from `first` on.
    #[inline(always)]
    fn add<S: Simd, const D: usize>(&self, s: S, first: usize) -> usize {
        let (Some(weights), Some(shrink)) = (
            self.weights.first_chunk::<R>(),
            self.shrink.first_chunk::<R>(),
        ) else {
            return D;
        };
        let place = self.vectors.0 + first;
        // The last row begins last, the first one ends first: what lies between, all see.
        let (from, _) = self.walk.seen(self.row, self.start);
        let begin = self.walk.seen(self.row + R - 1, self.start).0;
        let end = begin.max(self.walk.seen(self.row, self.start).1);
        let mut shrink = *shrink;
        if from < begin {
            for r in 0..R {
                let (from, to) = self.walk.seen(self.row + r, self.start);
                self.add_row::<S, D>(s, first, r, (from, begin.min(to)), shrink[r]);
            }
            shrink = [1.0; R];
        }
        let mut sums = [[s.splat(0.0); D]; R];
        for r in 0..R {
            let out = &self.walk.vectors(self.row + r)[place..][..D];
            for d in 0..D {
                sums[r][d] = s.mul(s.load(&out[d]), s.splat(shrink[r]));
            }
        }
        let weights: [&[f32; STRETCH_LEN]; R] = flat(weights);
        let common = begin.min(STRETCH_LEN)..end.min(STRETCH_LEN);
        for (position, values) in self.values[common.clone()].iter().enumerate() {
            let position = (common.start + position) % STRETCH_LEN;
            let mut value = [s.splat(0.0); D];
            for d in 0..D {
                value[d] = s.load(&values[(first + d) % TILE_VECTORS]);
            }
            for r in 0..R {
                let weight = s.splat(weights[r][position]);
                for d in 0..D {
                    sums[r][d] = s.mul_add(value[d], weight, sums[r][d]);
                }
            }
        }
        for r in 0..R {
            let out = &mut self.walk.vectors(self.row + r)[place..][..D];
            for d in 0..D {
                s.store(sums[r][d], &mut out[d]);
            }
        }
        if end < self.walk.seen(self.row + R - 1, self.start).1 {
            for r in 0..R {
                let (_, to) = self.walk.seen(self.row + r, self.start);
                self.add_row::<S, D>(s, first, r, (end, to), 1.0);
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
        (from, to): (usize, usize),
        shrink: f32,
    ) {
        let out = &mut self.walk.vectors(self.row + r)[self.vectors.0 + first..][..D];
        let weights = self.weights[r].as_flattened();
        let mut sums = [s.splat(0.0); D];
        for d in 0..D {
            sums[d] = s.mul(s.load(&out[d]), s.splat(shrink));
        }
        for position in from..to {
            let weight = s.splat(weights[position]);
            for d in 0..D {
                let value = s.load(&self.values[position][first + d]);
                sums[d] = s.mul_add(value, weight, sums[d]);
            }
        }
        for d in 0..D {
            s.store(sums[d], &mut out[d]);
        }
    }
}

/// The weights of each row, one after the other.
#[inline(always)]
fn flat<const R: usize>(weights: &[Weights; R]) -> [&[f32; STRETCH_LEN]; R] {
    let mut flat = [&[0.0; STRETCH_LEN]; R];
    for r in 0..R {
        if let Some(weights) = weights[r].as_flattened().first_chunk() {
            flat[r] = weights;
        }
    }
    flat
}

const _: () = assert!(
    LANES * TILE_VECTORS == super::tile::TILE_DIMS,
    "vectors of a tile"
);
