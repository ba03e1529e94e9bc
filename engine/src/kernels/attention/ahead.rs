//! Asking the memory for what is read next while the products compute.
//!
//! A layer's cache has left the processor's caches when the model comes back to it. Converting reads
//! in bursts and the products read nothing; asked for a few lines at a time beside the products, the
//! bytes of the next stretch are there when it begins: in the second cache, since the first one is
//! full of the tile, and has few places for what is on its way.

use super::cache::KvLayer;
use super::stretch::STRETCH;
use crate::BlockId;
use crate::kernels::simd::Simd;

/// Bytes of a cache line.
const LINE: usize = 64;

/// What is read next, a piece of memory for each block.
pub(super) struct Ahead<'a> {
    blocks: [&'a [u8]; STRETCH],
    block: usize,
    /// Of that block, the bytes that have been asked for.
    asked: usize,
}

impl<'a> Ahead<'a> {
    pub(super) const NOTHING: Self = Self {
        blocks: [&[]; STRETCH],
        block: 0,
        asked: 0,
    };

    /// Part `part` of `parts` equal ones of each block's keys.
    #[inline(always)]
    pub(super) fn keys(
        (cache, head): (&'a KvLayer, usize),
        blocks: &[BlockId],
        part: (usize, usize),
    ) -> Self {
        let mut ahead = Self::NOTHING;
        for (bytes, block) in ahead.blocks.iter_mut().zip(blocks) {
            *bytes = cut(cache.key_bytes(*block, head), part);
        }
        ahead
    }

    /// The same of values.
    #[inline(always)]
    pub(super) fn values(
        (cache, head): (&'a KvLayer, usize),
        blocks: &[BlockId],
        part: (usize, usize),
    ) -> Self {
        let mut ahead = Self::NOTHING;
        for (bytes, block) in ahead.blocks.iter_mut().zip(blocks) {
            *bytes = cut(cache.value_bytes(*block, head), part);
        }
        ahead
    }

    /// Cache lines that are not asked for yet.
    #[inline(always)]
    pub(super) fn lines(&self) -> usize {
        self.blocks
            .iter()
            .map(|bytes| bytes.len().div_ceil(LINE))
            .sum()
    }

    /// Asks for the next `lines` cache lines, as far as there are so many.
    #[inline(always)]
    pub(super) fn ask<S: Simd>(&mut self, s: S, lines: usize) {
        for _ in 0..lines {
            let Some(bytes) = self.blocks.get(self.block) else {
                return;
            };
            if let Some(line) = bytes.get(self.asked..) {
                s.prefetch_l2(&line[..line.len().min(LINE)]);
            }
            self.asked += LINE;
            if self.asked >= bytes.len() {
                self.block += 1;
                self.asked = 0;
            }
        }
    }
}

#[inline(always)]
fn cut(bytes: &[u8], (part, parts): (usize, usize)) -> &[u8] {
    let len = bytes.len().div_ceil(parts);
    &bytes[(part * len).min(bytes.len())..((part + 1) * len).min(bytes.len())]
}
