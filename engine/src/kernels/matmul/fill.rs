//! Taking rows of activations in: each is computed from its source, and written as products read it.

#![expect(unsafe_code, reason = "row blocks are written by several threads")]

use super::input::{ActivationBits, GROUP};
use super::rows::RowBlock;
use crate::kernels::disjoint::Disjoint;
use crate::kernels::ops::{Source, store};
use crate::kernels::simd::{InputGroup, Kernel, LANES, Simd};

/// What all chunks of a fill share.
pub(super) struct Fill<'a, F> {
    pub(super) source: &'a F,
    pub(super) bits: ActivationBits,
    /// Where quantised groups go, if anybody reads them; rows are whole groups then.
    pub(super) groups: Option<Disjoint<'a, InputGroup>>,
    /// Where floats go, if anybody reads them.
    pub(super) floats: Option<Disjoint<'a, f32>>,
}

/// One chunk of a fill.
pub(super) struct FillBlocks<'a, F, B> {
    pub(super) task: &'a Fill<'a, F>,
    pub(super) blocks: B,
}

impl<F: Source, B: Iterator<Item = RowBlock>> Kernel for FillBlocks<'_, F, B> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for block in self.blocks {
            match self.task.bits {
                ActivationBits::Eight => self.task.block::<S, false>(s, block),
                ActivationBits::Sixteen => self.task.block::<S, true>(s, block),
            }
        }
    }
}

impl<F: Source> Fill<'_, F> {
    #[inline(always)]
    fn block<S: Simd, const WIDE: bool>(&self, s: S, RowBlock { start, len }: RowBlock) {
        let width = self.source.width();
        let per_row = width / GROUP;
        for row in 0..len {
            // SAFETY: each block is in one chunk, and a chunk takes its rows one after the other.
            let values = unsafe { self.source.begin(s, start + row) };
            if let Some(groups) = &self.groups {
                // SAFETY: a block's groups are its own, and each block is in one chunk.
                let groups = unsafe { groups.part(start * per_row, len * per_row) };
                for (index, groups) in groups.chunks_exact_mut(len).enumerate() {
                    let low = F::vector(s, values, 2 * index);
                    let high = F::vector(s, values, 2 * index + 1);
                    quantise::<S, WIDE>(s, [low, high], &mut groups[row]);
                }
            }
            if let Some(floats) = &self.floats {
                // SAFETY: a row is its own, and each block is in one chunk.
                let floats = unsafe { floats.part((start + row) * width, width) };
                for index in 0..width.div_ceil(LANES) {
                    store(s, F::vector(s, values, index), index, floats);
                }
            }
        }
    }
}

/// Quantises one group: the largest value becomes the largest integer.
#[inline(always)]
fn quantise<S: Simd, const WIDE: bool>(s: S, [a, b]: [S::F; 2], group: &mut InputGroup) {
    let limit = if WIDE { 32_639.0 } else { 127.0 };
    let largest = s.max_lanes(s.max(s.abs(a), s.abs(b)));
    // Zero, or NaN where a value is not finite.
    let zero = s.splat(0.0);
    let taint = s.sum_lanes(s.mul_add(a, zero, s.mul(b, zero)));
    let scale = largest / limit;
    let inverse = if largest > 0.0 { limit / largest } else { 0.0 };
    let (low, high) = (
        integers(s, a, inverse, limit),
        integers(s, b, inverse, limit),
    );
    s.encode::<WIDE>([low, high], &mut group.codes);
    // Exact: the sums are below 2^24.
    let (low, high) = (s.sum_lanes(s.to_f32(low)), s.sum_lanes(s.to_f32(high)));
    group.scale = scale + taint;
    group.sum = group.scale * (low + high);
    group.half_sums = [group.scale * low, group.scale * high];
}

#[inline(always)]
fn integers<S: Simd>(s: S, values: S::F, inverse: f32, limit: f32) -> S::I {
    let scaled = s.mul(values, s.splat(inverse));
    s.nearest(s.min(s.max(scaled, s.splat(-limit)), s.splat(limit)))
}
