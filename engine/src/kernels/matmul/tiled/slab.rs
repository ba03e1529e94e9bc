//! Some groups of a column tile, unpacked for tile registers.

use super::super::packed::GroupLayout;
use super::super::quantised::{AHEAD, Shape, factor_lanes};
use crate::kernels::simd::{LANES, Simd};

/// Groups of activations (of 32 values) in a slab.
pub(super) const SLAB_GROUPS: usize = 16;

/// Codes as bytes and factors as f32: 12 KiB, which stay in the first-level cache beside 16 rows of
/// activations (20 KiB).
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Slab {
    /// A line is a quad of each column; a group has 8 lines or 4.
    codes: [[u8; 64]; SLAB_GROUPS * 8],
    /// Of each group, or half of one.
    scales: [[f32; LANES]; SLAB_GROUPS * 2],
    offsets: [[f32; LANES]; SLAB_GROUPS * 2],
}

impl Slab {
    pub(super) const EMPTY: Self = Self {
        codes: [[0; 64]; SLAB_GROUPS * 8],
        scales: [[0.0; LANES]; SLAB_GROUPS * 2],
        offsets: [[0.0; LANES]; SLAB_GROUPS * 2],
    };

    /// Takes packed groups, as many as a slab holds at most.
    #[inline(always)]
    pub(super) fn unpack<S: Simd, P: Shape>(&mut self, s: S, layout: GroupLayout, packed: &[u8]) {
        let lines = self.codes.chunks_exact_mut(P::QUADS);
        let factors = self.scales.iter_mut().zip(&mut self.offsets);
        let groups = packed.chunks_exact(layout.bytes());
        for ((group, lines), (scales, offsets)) in groups.zip(lines).zip(factors) {
            s.prefetch(group, AHEAD);
            let (codes, factors) = group.split_at(layout.code_bytes());
            let (scale, offset) = factor_lanes(s, layout, factors);
            s.store(scale, scales);
            s.store(offset, offsets);
            let (codes, _) = codes.as_chunks::<64>();
            if P::NIBBLES {
                let (pairs, _) = lines.as_chunks_mut::<2>();
                for ([first, second], codes) in pairs.iter_mut().zip(codes) {
                    for ((first, second), code) in first.iter_mut().zip(second).zip(codes) {
                        (*first, *second) = (code & 15, code >> 4);
                    }
                }
            } else {
                lines.copy_from_slice(codes);
            }
        }
    }

    /// The lines of a group: 8, or 4 where groups are 16 values.
    #[inline(always)]
    pub(super) fn codes<P: Shape>(&self, group: usize) -> &[u8] {
        self.codes[group * P::QUADS..][..P::QUADS].as_flattened()
    }

    /// Scales and offsets of a group.
    #[inline(always)]
    pub(super) fn factors<S: Simd>(&self, s: S, group: usize) -> (S::F, S::F) {
        (s.load(&self.scales[group]), s.load(&self.offsets[group]))
    }
}
