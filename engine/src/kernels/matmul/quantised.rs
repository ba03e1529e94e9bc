//! One tile of quantised weights times one block of rows.

use super::packed::GroupLayout;
use crate::kernels::simd::{InputGroup, LANES, Simd};

/// Which code of the kernel fits a matrix: what is known when it is compiled.
pub(super) trait Shape {
    /// Quads of 4 values in a group: 8 or 4.
    const QUADS: usize;
    /// Codes of 4 bits, not 8.
    const NIBBLES: bool;
}

/// Groups of 32.
pub(super) struct Groups32<const NIBBLES: bool>;
/// Groups of 16.
pub(super) struct Groups16<const NIBBLES: bool>;

impl<const NIBBLES: bool> Shape for Groups32<NIBBLES> {
    const QUADS: usize = 8;
    const NIBBLES: bool = NIBBLES;
}

impl<const NIBBLES: bool> Shape for Groups16<NIBBLES> {
    const QUADS: usize = 4;
    const NIBBLES: bool = NIBBLES;
}

/// Bytes by which weights are asked for before they are used.
pub(super) const AHEAD: usize = 4096;

/// Outputs of 16 columns for `R` rows. `inputs` has `R` groups for each 32 values of k; `WIDE` says
/// that their integers have 16 bits.
#[inline(always)]
pub(super) fn tile<S: Simd, P: Shape, const R: usize, const WIDE: bool>(
    s: S,
    layout: GroupLayout,
    tile: &[u8],
    inputs: &[InputGroup],
) -> [[f32; LANES]; R] {
    let mut sums = [s.splat(0.0); R];
    let mut groups = tile.chunks_exact(layout.bytes());
    let (inputs, _) = inputs.as_chunks::<R>();
    for x in inputs {
        for half in 0..8 / P::QUADS {
            let Some(group) = groups.next() else { break };
            s.prefetch(group, AHEAD);
            let (codes, factors) = group.split_at(layout.code_bytes());
            // Before the dots: a branch after them tears their loads apart from them.
            let (scale, offset) = factor_lanes(s, layout, factors);
            let dots = dots::<S, P, R, WIDE>(s, codes, x, half * P::QUADS);
            for r in 0..R {
                let total = s.to_f32(s.dot_total::<WIDE>(dots[r]));
                let sum = if P::QUADS == 8 {
                    x[r].sum
                } else {
                    x[r].half_sums[half]
                };
                let unit = s.mul(scale, s.splat(x[r].scale));
                sums[r] = s.mul_add(unit, total, sums[r]);
                sums[r] = s.mul_add(offset, s.splat(sum), sums[r]);
            }
        }
    }
    let mut out = [[0.0; LANES]; R];
    for r in 0..R {
        s.store(sums[r], &mut out[r]);
    }
    out
}

/// Integer dot products of one group.
#[inline(always)]
fn dots<S: Simd, P: Shape, const R: usize, const WIDE: bool>(
    s: S,
    codes: &[u8],
    x: &[InputGroup; R],
    first_quad: usize,
) -> [S::Dot; R] {
    let mut dots = [s.dot_zero(); R];
    let (lines, _) = codes.as_chunks::<64>();
    // The number of lines is a constant, but the compiler must not know: unrolled, it runs out of
    // registers.
    for (index, line) in lines.iter().enumerate() {
        if P::NIBBLES {
            let quad = first_quad + index * 2;
            let [low, high] = s.codes4(line);
            for r in 0..R {
                dots[r] = s.dot::<WIDE>(dots[r], low, &x[r], quad);
            }
            for r in 0..R {
                dots[r] = s.dot::<WIDE>(dots[r], high, &x[r], quad + 1);
            }
        } else {
            let codes = s.codes8(line);
            for r in 0..R {
                dots[r] = s.dot::<WIDE>(dots[r], codes, &x[r], first_quad + index);
            }
        }
    }
    dots
}

/// Scales and offsets of 16 columns.
#[inline(always)]
pub(super) fn factor_lanes<S: Simd>(s: S, layout: GroupLayout, bytes: &[u8]) -> (S::F, S::F) {
    let (scales, offsets) = bytes.split_at(layout.scale_bytes());
    let scale = load_factors(s, layout.wide_scales, scales);
    let offset = match layout.zero {
        Some(zero) => s.mul(scale, s.splat(-f32::from(zero))),
        None => load_factors(s, layout.wide_scales, offsets),
    };
    (scale, offset)
}

#[inline(always)]
fn load_factors<S: Simd>(s: S, wide: bool, bytes: &[u8]) -> S::F {
    if wide {
        bytes
            .first_chunk()
            .map_or_else(|| s.splat(0.0), |bytes| s.load_f32_bytes(bytes))
    } else {
        bytes
            .first_chunk()
            .map_or_else(|| s.splat(0.0), |bytes| s.load_f16_bytes(bytes))
    }
}
