//! How a head's keys or values lie in a block.
//!
//! As f16 they are `head_dim` times 16 numbers. As int8 they are 16 scales in f32, one a position,
//! then as many integers; a number is its integer times its position's scale. A scale is what the
//! largest magnitude of the head at this position needs, so what is stored of a position depends on
//! its own key or value only (E9).

use bytemuck::{cast_slice, cast_slice_mut};

use crate::BLOCK_SIZE;
use crate::config::KvCacheDtype;
use crate::kernels::simd::{LANES, Simd};

/// Keys or values of a block and head.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stored<'a> {
    F16(&'a [u16]),
    Int8 {
        /// One a position.
        scales: &'a [f32; BLOCK_SIZE],
        codes: &'a [i8],
    },
}

/// Bytes of the scales of int8.
const SCALE_BYTES: usize = size_of::<[f32; BLOCK_SIZE]>();

/// Bytes of one head's keys in a block, or of its values. A multiple of 64.
#[inline(always)]
pub(super) fn bytes(dtype: KvCacheDtype, head_dim: usize) -> usize {
    let numbers = head_dim * BLOCK_SIZE;
    match dtype {
        KvCacheDtype::F16 => numbers * size_of::<u16>(),
        KvCacheDtype::Int8 => SCALE_BYTES + numbers,
    }
}

impl<'a> Stored<'a> {
    /// Reads what lies in `bytes`, as many as [`bytes`] says, which begin at a multiple of 64.
    #[inline(always)]
    pub(super) fn of(dtype: KvCacheDtype, bytes: &'a [u8]) -> Self {
        match dtype {
            KvCacheDtype::F16 => Self::F16(cast_slice(bytes)),
            KvCacheDtype::Int8 => {
                let (scales, codes) = bytes.split_at(SCALE_BYTES);
                let (scales, _) = cast_slice(scales).as_chunks();
                Self::Int8 {
                    scales: &scales[0],
                    codes: cast_slice(codes),
                }
            }
        }
    }
}

/// Stores a position's key and value in the bytes of their head.
#[inline(always)]
pub(super) fn store<S: Simd>(
    s: S,
    dtype: KvCacheDtype,
    [key, value]: [&[f32]; 2],
    position: usize,
    [keys, values]: [&mut [u8]; 2],
) {
    match dtype {
        KvCacheDtype::F16 => {
            let halves = |v: &[f32; LANES], out: &mut [u16; LANES]| s.store_f16(bounded(s, v), out);
            store_key(key, position, cast_slice_mut(keys), halves);
            store_value(value, position, cast_slice_mut(values), halves);
        }
        KvCacheDtype::Int8 => {
            let [(keys, key_scales), (values, value_scales)] = [keys, values].map(|half| {
                let (scales, codes) = half.split_at_mut(SCALE_BYTES);
                (
                    cast_slice_mut::<_, i8>(codes),
                    cast_slice_mut::<_, f32>(scales),
                )
            });
            let (scale, inverse) = scale_of(s, key);
            key_scales[position] = scale;
            store_key(key, position, keys, |v, out| codes(s, v, inverse, out));
            let (scale, inverse) = scale_of(s, value);
            value_scales[position] = scale;
            store_value(value, position, values, |v, out| codes(s, v, inverse, out));
        }
    }
}

/// Keys lie transposed: for each dimension, 16 positions.
#[inline(always)]
fn store_key<T: Copy + Default>(
    key: &[f32],
    position: usize,
    keys: &mut [T],
    round: impl Fn(&[f32; LANES], &mut [T; LANES]),
) {
    let (dimensions, _) = keys.as_chunks_mut::<{ BLOCK_SIZE * LANES }>();
    for (key, keys) in key.as_chunks::<LANES>().0.iter().zip(dimensions) {
        let mut rounded = [T::default(); LANES];
        round(key, &mut rounded);
        for (d, number) in rounded.iter().enumerate() {
            keys[d * BLOCK_SIZE + position] = *number;
        }
    }
}

/// Values lie position by position.
#[inline(always)]
fn store_value<T>(
    value: &[f32],
    position: usize,
    values: &mut [T],
    round: impl Fn(&[f32; LANES], &mut [T; LANES]),
) {
    let values = &mut values[position * value.len()..][..value.len()];
    let (values, _) = values.as_chunks_mut::<LANES>();
    for (value, to) in value.as_chunks::<LANES>().0.iter().zip(values) {
        round(value, to);
    }
}

/// What one unit of a position's int8 is worth, and the factor that makes integers of its numbers.
/// Magnitudes that f16 would round to 0 are 0 here too; a NaN makes the scale NaN, and so the whole
/// head at this position.
#[inline(always)]
fn scale_of<S: Simd>(s: S, numbers: &[f32]) -> (f32, f32) {
    const LIMIT: f32 = 127.0;
    /// Half of the smallest f16.
    const NOTHING: f32 = 1.0 / 33_554_432.0;
    let (mut largest, mut taint) = (s.splat(0.0), s.splat(0.0));
    for vector in numbers.as_chunks::<LANES>().0 {
        let v = bounded(s, vector);
        // A NaN as the first operand gives way to the second.
        largest = s.max(s.abs(v), largest);
        taint = s.mul_add(v, s.splat(0.0), taint);
    }
    let largest = s.max_lanes(largest);
    // Zero, or NaN where a number is.
    let taint = s.sum_lanes(taint);
    if largest > NOTHING {
        (largest / LIMIT + taint, LIMIT / largest)
    } else {
        (taint, 0.0)
    }
}

#[inline(always)]
fn codes<S: Simd>(s: S, v: &[f32; LANES], inverse: f32, out: &mut [i8; LANES]) {
    let scaled = s.mul(bounded(s, v), s.splat(inverse));
    s.store_i8(s.nearest(scaled), out);
}

/// Bounds to the range of f16. NaN stays NaN: it comes second in `max` and `min`.
#[inline(always)]
fn bounded<S: Simd>(s: S, v: &[f32; LANES]) -> S::F {
    const LARGEST: f32 = 65_504.0;
    s.min(s.splat(LARGEST), s.max(s.splat(-LARGEST), s.load(v)))
}
