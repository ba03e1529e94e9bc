//! Functions over lanes that every instruction set computes with the same bits.

use std::f32::consts::LOG2_E;

use super::lanes::{LANES, Simd};

/// e^v with a relative error below 2e-7 for -87 <= v <= 88; smaller arguments give about 1e-38,
/// larger ones about 1e38.
///
/// v = n ln 2 + r with |r| <= ln 2 / 2, ln 2 split in two so that the reduction is exact (Cody and
/// Waite); e^r by its Taylor polynomial of degree 7.
#[inline(always)]
pub(in crate::kernels) fn exp<S: Simd>(s: S, v: S::F) -> S::F {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    const TAYLOR: [f32; 6] = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0];
    let v = s.min(s.max(v, s.splat(-87.0)), s.splat(88.0));
    let n = s.nearest(s.mul(v, s.splat(LOG2_E)));
    let whole = s.to_f32(n);
    let r = s.mul_add(whole, s.splat(-LN2_HIGH), v);
    let r = s.mul_add(whole, s.splat(-LN2_LOW), r);
    let mut sum = s.splat(1.0 / 5040.0);
    for coefficient in TAYLOR {
        sum = s.mul_add(sum, r, s.splat(coefficient));
    }
    let sum = s.mul_add(sum, r, s.splat(1.0));
    s.mul(sum, s.pow2(n))
}

/// The values of a slice shorter than a vector, and zeros.
#[inline(always)]
pub(in crate::kernels) fn padded(values: &[f32]) -> [f32; LANES] {
    let mut lanes = [0.0; LANES];
    lanes[..values.len()].copy_from_slice(values);
    lanes
}
