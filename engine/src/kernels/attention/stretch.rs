//! One stretch of a context for a few rows: scores, the online softmax, the sum of values.

use super::rows::{At, State, States, Walk};
use crate::BLOCK_SIZE;
use crate::kernels::simd::{Kernel, LANES, Simd, exp};

/// Blocks that a row takes before it looks at its maximum again. They are counted from position 0,
/// so that they do not depend on where a chunk begins.
pub(super) const STRETCH: usize = 4;
/// Positions of a stretch.
pub(super) const STRETCH_LEN: usize = STRETCH * BLOCK_SIZE;

/// Positions that each row of a step sees of its stretch: from the first of these up to the second.
pub(super) type Seen<const R: usize> = [(usize, usize); R];
/// A number for each row and position of a stretch.
pub(super) type Grid<const R: usize> = [[[f32; LANES]; STRETCH]; R];

/// One stretch for `R` rows.
pub(super) struct Step<'a, const R: usize> {
    pub(super) walk: &'a Walk<'a>,
    pub(super) at: At<'a>,
    pub(super) states: &'a mut States,
}

impl<const R: usize> Kernel for Step<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { walk, at, states } = self;
        let mut seen = [(0, 0); R];
        for (r, seen) in seen.iter_mut().enumerate() {
            let from = walk.unseen(at.row + r).saturating_sub(at.start);
            *seen = (from, STRETCH_LEN.min(walk.context(at.row + r) - at.start));
        }
        let mut grid = [[[0.0; LANES]; STRETCH]; R];
        // The first row begins first, the last one ends last.
        let blocks = seen[0].0 / BLOCK_SIZE..seen[R - 1].1.div_ceil(BLOCK_SIZE);
        walk.scores(s, at, blocks, &mut grid);
        let mut shrink = [1.0; R];
        for r in 0..R {
            let state = &mut states[at.row + r];
            shrink[r] = state.weigh(s, walk.shared.scale, seen[r], &mut grid[r]);
        }
        walk.add_values(s, at, &seen, &grid, &shrink);
    }
}

impl State {
    /// Scores to weights; the positions that are seen count. Gives the factor by which what was summed
    /// before has to shrink.
    #[inline(always)]
    fn weigh<S: Simd>(
        &mut self,
        s: S,
        scale: f32,
        seen: (usize, usize),
        grid: &mut [[f32; LANES]; STRETCH],
    ) -> f32 {
        let lowest = s.splat(f32::NEG_INFINITY);
        let mut scores = [lowest; STRETCH];
        let mut largest = lowest;
        for (block, grid) in grid.iter().enumerate() {
            let score = s.mul(s.load(grid), s.splat(scale));
            scores[block] = keep(s, block, seen, score, lowest);
            largest = s.max(scores[block], largest);
        }
        let largest = s.max_lanes(largest);
        let mut sums = s.load(&self.sums);
        let mut shrink = 1.0;
        if largest > self.max {
            let factor = exp(s, s.splat(self.max - largest));
            sums = s.mul(sums, factor);
            shrink = s.first_lane(factor);
            self.max = largest;
        }
        for (block, grid) in grid.iter_mut().enumerate() {
            let weight = exp(s, s.sub(scores[block], s.splat(self.max)));
            let weight = keep(s, block, seen, weight, s.splat(0.0));
            sums = s.add(sums, weight);
            s.store(weight, grid);
        }
        s.store(sums, &mut self.sums);
        shrink
    }
}

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
