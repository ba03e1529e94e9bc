//! Tiles of float weights times one block of rows.

use crate::kernels::simd::{LANES, Simd};

/// A float type as the tiles store it.
pub(super) trait Stored {
    /// The bytes of 16 values.
    type Bytes: Copy;
    fn lanes(tile: &[u8]) -> &[Self::Bytes];
    fn load<S: Simd>(s: S, bytes: &Self::Bytes) -> S::F;
}

pub(super) struct StoredF32;
pub(super) struct StoredF16;
pub(super) struct StoredBf16;

impl Stored for StoredF32 {
    type Bytes = [u8; 64];
    #[inline(always)]
    fn lanes(tile: &[u8]) -> &[Self::Bytes] {
        tile.as_chunks().0
    }
    #[inline(always)]
    fn load<S: Simd>(s: S, bytes: &Self::Bytes) -> S::F {
        s.load_f32_bytes(bytes)
    }
}

impl Stored for StoredF16 {
    type Bytes = [u8; 32];
    #[inline(always)]
    fn lanes(tile: &[u8]) -> &[Self::Bytes] {
        tile.as_chunks().0
    }
    #[inline(always)]
    fn load<S: Simd>(s: S, bytes: &Self::Bytes) -> S::F {
        s.load_f16_bytes(bytes)
    }
}

impl Stored for StoredBf16 {
    type Bytes = [u8; 32];
    #[inline(always)]
    fn lanes(tile: &[u8]) -> &[Self::Bytes] {
        tile.as_chunks().0
    }
    #[inline(always)]
    fn load<S: Simd>(s: S, bytes: &Self::Bytes) -> S::F {
        s.load_bf16_bytes(bytes)
    }
}

/// Outputs of `T` tiles for `R` rows; `inputs` has the rows one after the other. Each output is one chain
/// of fused multiply-adds in order of k; several tiles run side by side to hide its latency.
#[inline(always)]
pub(super) fn tiles<S: Simd, W: Stored, const R: usize, const T: usize>(
    s: S,
    tiles: [&[u8]; T],
    inputs: &[f32],
) -> [[[f32; LANES]; T]; R] {
    let cols = inputs.len() / R;
    let (mut rows, mut lanes) = ([inputs; R], [W::lanes(tiles[0]); T]);
    for r in 0..R {
        rows[r] = &inputs[r * cols..][..cols];
    }
    for t in 0..T {
        lanes[t] = &W::lanes(tiles[t])[..cols];
    }
    let mut sums = [[s.splat(0.0); T]; R];
    for k in 0..cols {
        for t in 0..T {
            let weights = W::load(s, &lanes[t][k]);
            for r in 0..R {
                sums[r][t] = s.mul_add(weights, s.splat(rows[r][k]), sums[r][t]);
            }
        }
    }
    let mut out = [[[0.0; LANES]; T]; R];
    for r in 0..R {
        for t in 0..T {
            s.store(sums[r][t], &mut out[r][t]);
        }
    }
    out
}
