//! The two products of attention: queries with keys, weights with values.

use super::ahead::Ahead;
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
    pub(super) ahead: Ahead<'a>,
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
        let lines = self.ahead.lines().div_ceil(self.keys.len().max(1));
        for (keys, queries) in self.keys.iter().zip(self.queries) {
            self.ahead.ask(s, lines);
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
    /// The first of the rows, and the first position of the stretch.
    pub(super) seen: (&'a Walk<'a>, usize, usize),
    /// Sums of the rows, and the number of vectors that each has.
    pub(super) sums: (&'a mut [[f32; LANES]], usize),
    /// First vector of the head that is summed, and their number.
    pub(super) vectors: (usize, usize),
    pub(super) values: &'a [Value; STRETCH_LEN],
    /// Of the `R` rows.
    pub(super) weights: &'a [Weights],
    pub(super) shrink: &'a [f32],
    pub(super) ahead: Ahead<'a>,
}

impl<const R: usize> Kernel for ValueSums<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
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
    fn add<S: Simd, const D: usize>(&mut self, s: S, first: usize) -> usize {
        let (Some(weights), Some(shrink)) = (
            self.weights.first_chunk::<R>(),
            self.shrink.first_chunk::<R>(),
        ) else {
            return D;
        };
        let place = self.vectors.0 + first;
        // What lies between the last one to begin and the first one to end, all see.
        let seen = self.all_seen();
        let (mut from, mut begin, mut end) = (STRETCH_LEN, 0, STRETCH_LEN);
        for (row_from, row_to) in seen {
            from = from.min(row_from);
            begin = begin.max(row_from);
            end = end.min(row_to);
        }
        let end = end.max(begin);
        let mut shrink = *shrink;
        if from < begin {
            for (r, (row_from, row_to)) in seen.into_iter().enumerate() {
                self.add_row::<S, D>(s, first, r, (row_from, begin.min(row_to)), shrink[r]);
            }
            shrink = [1.0; R];
        }
        let mut sums = [[s.splat(0.0); D]; R];
        for r in 0..R {
            let out = &self.sums.0[r * self.sums.1 + place..][..D];
            for d in 0..D {
                sums[r][d] = s.mul(s.load(&out[d]), s.splat(shrink[r]));
            }
        }
        let weights: [&[f32; STRETCH_LEN]; R] = flat(weights);
        let common = begin.min(STRETCH_LEN)..end.min(STRETCH_LEN);
        let lines = self.ahead.lines().div_ceil(common.len().max(1));
        for (position, values) in self.values[common.clone()].iter().enumerate() {
            self.ahead.ask(s, lines);
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
        for (r, sums) in sums.iter().enumerate() {
            let out = &mut self.sums.0[r * self.sums.1 + place..][..D];
            for d in 0..D {
                s.store(sums[d], &mut out[d]);
            }
        }
        for (r, (_, to)) in seen.into_iter().enumerate() {
            if end < to {
                self.add_row::<S, D>(s, first, r, (end, to), 1.0);
            }
        }
        D
    }

    /// What each row sees of the stretch.
    #[inline(always)]
    fn all_seen(&self) -> [(usize, usize); R] {
        let (walk, row, start) = self.seen;
        let mut seen = [(0, 0); R];
        for (r, seen) in seen.iter_mut().enumerate() {
            *seen = walk.seen(row + r, start);
        }
        seen
    }

    /// Positions that not all rows see, for one row.
    #[inline(always)]
    fn add_row<S: Simd, const D: usize>(
        &mut self,
        s: S,
        first: usize,
        r: usize,
        (from, to): (usize, usize),
        shrink: f32,
    ) {
        let place = r * self.sums.1 + self.vectors.0 + first;
        let out = &mut self.sums.0[place..][..D];
        let weights = self.weights[r].as_flattened();
        let mut sums = [s.splat(0.0); D];
        for d in 0..D {
            sums[d] = s.mul(s.load(&out[d]), s.splat(shrink));
        }
        let seen = self.values.iter().zip(weights).take(to).skip(from);
        for (values, weight) in seen {
            let weight = s.splat(*weight);
            for (sum, value) in sums.iter_mut().zip(&values[first..]) {
                *sum = s.mul_add(s.load(value), weight, *sum);
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
