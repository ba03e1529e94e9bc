//! The online softmax of one query row.

use super::stretch::{STRETCH_LEN, Weights};
use crate::BLOCK_SIZE;
use crate::kernels::simd::{LANES, Simd, exp};

/// What a row knows of the positions before in a section; the weighted sum of their values is kept
/// beside it ([`Sums`](super::section::Sums)).
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    max: f32,
    /// Sums of the weights, by position within the blocks.
    pub(super) sums: [f32; LANES],
}

impl State {
    pub(super) const NOTHING: Self = Self {
        max: f32::NEG_INFINITY,
        sums: [0.0; LANES],
    };

    /// Takes the largest of a stretch's scores in. Gives the factor by which what was summed before
    /// shrinks.
    #[inline(always)]
    pub(super) fn raise<S: Simd>(&mut self, s: S, seen: (usize, usize), scores: &Weights) -> f32 {
        let lowest = s.splat(f32::NEG_INFINITY);
        let mut largest = lowest;
        for (block, scores) in scores.iter().enumerate() {
            let mut score = s.load(scores);
            if seen != WHOLE {
                score = keep(s, block, seen, score, lowest);
            }
            largest = s.max(score, largest);
        }
        let largest = s.max_lanes(largest);
        if largest > self.max {
            let factor = exp(s, s.splat(self.max - largest));
            s.store(s.mul(s.load(&self.sums), factor), &mut self.sums);
            self.max = largest;
            return s.first_lane(factor);
        }
        1.0
    }

    /// Takes the state of the next positions in. Gives the factors of what was summed before and of
    /// what they summed.
    #[inline(always)]
    pub(super) fn merge<S: Simd>(&mut self, s: S, next: &Self) -> (f32, f32) {
        let max = if next.max > self.max {
            next.max
        } else {
            self.max
        };
        let before = exp(s, s.splat(self.max - max));
        let after = exp(s, s.splat(next.max - max));
        let shrunk = s.mul(s.load(&self.sums), before);
        let sums = s.mul_add(s.load(&next.sums), after, shrunk);
        s.store(sums, &mut self.sums);
        self.max = max;
        (s.first_lane(before), s.first_lane(after))
    }

    /// Scores to weights, after [`raise`](Self::raise); the positions that are seen count.
    #[inline(always)]
    pub(super) fn weigh<S: Simd>(&mut self, s: S, seen: (usize, usize), weights: &mut Weights) {
        let mut sums = s.load(&self.sums);
        let max = s.splat(self.max);
        for (block, weights) in weights.iter_mut().enumerate() {
            let mut weight = exp(s, s.sub(s.load(weights), max));
            if seen != WHOLE {
                weight = keep(s, block, seen, weight, s.splat(0.0));
            }
            sums = s.add(sums, weight);
            s.store(weight, weights);
        }
        s.store(sums, &mut self.sums);
    }
}

/// What a row sees that sees all of a stretch.
const WHOLE: (usize, usize) = (0, STRETCH_LEN);

/// A vector of a block's positions with `other` in place of those that are not seen.
#[inline(always)]
fn keep<S: Simd>(s: S, block: usize, (from, to): (usize, usize), v: S::F, other: S::F) -> S::F {
    let v = s.first(within(to, block), v, other);
    if from == 0 {
        return v;
    }
    s.first(within(from, block), other, v)
}

/// Of the first `positions` of a stretch, those that lie in a block.
#[inline(always)]
fn within(positions: usize, block: usize) -> usize {
    positions.saturating_sub(block * BLOCK_SIZE).min(BLOCK_SIZE)
}
