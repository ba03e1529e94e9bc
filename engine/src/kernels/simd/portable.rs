//! Plain Rust, for every processor. On processors without a fused multiply-add each one is a call
//! into the C library, so this is slow there; it is what the other instruction sets must equal.

use half::{bf16, f16};

use super::dispatch::Kernel;
use super::lanes::{InputGroup, LANES, Simd};

/// An array of lanes, each an expression of its index. A plain loop, which the compiler turns into
/// vectors where the target has them.
macro_rules! lanes {
    ($lane:ident => $value:expr) => {{
        let mut out = [Default::default(); LANES];
        for $lane in 0..LANES {
            out[$lane] = $value;
        }
        out
    }};
}

/// No instructions beyond the target's own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portable;

impl Simd for Portable {
    type F = [f32; LANES];
    type I = [i32; LANES];
    type Codes = [u8; 64];
    type Dot = [i32; LANES];

    const MATMUL_ROWS: usize = 4;
    const ATTENTION_ROWS: usize = 4;
    const ATTENTION_CHAINS: usize = 4;
    const BESIDE_AMX: bool = false;

    #[inline(always)]
    fn apart<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }

    #[inline(always)]
    fn splat(self, x: f32) -> Self::F {
        [x; LANES]
    }

    #[inline(always)]
    fn load(self, x: &[f32; LANES]) -> Self::F {
        *x
    }

    #[inline(always)]
    fn load_f16(self, x: &[u16; LANES]) -> Self::F {
        lanes!(i => f16::from_bits(x[i]).to_f32())
    }

    #[inline(always)]
    fn load_i8(self, x: &[i8; LANES]) -> Self::F {
        lanes!(i => f32::from(x[i]))
    }

    #[inline(always)]
    fn load_f32_bytes(self, x: &[u8; 64]) -> Self::F {
        let (words, _) = x.as_chunks::<4>();
        lanes!(i => f32::from_le_bytes(words[i]))
    }

    #[inline(always)]
    fn load_f16_bytes(self, x: &[u8; 32]) -> Self::F {
        let (words, _) = x.as_chunks::<2>();
        lanes!(i => f16::from_le_bytes(words[i]).to_f32())
    }

    #[inline(always)]
    fn load_bf16_bytes(self, x: &[u8; 32]) -> Self::F {
        let (words, _) = x.as_chunks::<2>();
        lanes!(i => bf16::from_le_bytes(words[i]).to_f32())
    }

    #[inline(always)]
    fn store(self, v: Self::F, out: &mut [f32; LANES]) {
        *out = v;
    }

    #[inline(always)]
    fn store_f16(self, v: Self::F, out: &mut [u16; LANES]) {
        *out = lanes!(i => f16::from_f32(v[i]).to_bits());
    }

    #[inline(always)]
    fn add(self, a: Self::F, b: Self::F) -> Self::F {
        lanes!(i => a[i] + b[i])
    }

    #[inline(always)]
    fn sub(self, a: Self::F, b: Self::F) -> Self::F {
        lanes!(i => a[i] - b[i])
    }

    #[inline(always)]
    fn mul(self, a: Self::F, b: Self::F) -> Self::F {
        lanes!(i => a[i] * b[i])
    }

    #[inline(always)]
    fn div(self, a: Self::F, b: Self::F) -> Self::F {
        lanes!(i => a[i] / b[i])
    }

    #[inline(always)]
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        lanes!(i => a[i].mul_add(b[i], c[i]))
    }

    #[inline(always)]
    fn max(self, a: Self::F, b: Self::F) -> Self::F {
        lanes!(i => if a[i] > b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn min(self, a: Self::F, b: Self::F) -> Self::F {
        lanes!(i => if a[i] < b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn abs(self, a: Self::F) -> Self::F {
        lanes!(i => a[i].abs())
    }

    #[inline(always)]
    fn sum_lanes(self, v: Self::F) -> f32 {
        by_halves(v, |a, b| a + b)
    }

    #[inline(always)]
    fn max_lanes(self, v: Self::F) -> f32 {
        by_halves(v, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn first_lane(self, v: Self::F) -> f32 {
        v[0]
    }

    #[inline(always)]
    fn first(self, count: usize, v: Self::F, other: Self::F) -> Self::F {
        lanes!(i => if i < count { v[i] } else { other[i] })
    }

    #[inline(always)]
    fn nearest(self, v: Self::F) -> Self::I {
        // Adding 1.5 * 2^23 leaves the integer in the low bits of the mantissa.
        const SHIFT: f32 = 12_582_912.0;
        lanes!(i => (v[i] + SHIFT).to_bits().wrapping_sub(SHIFT.to_bits()).cast_signed())
    }

    #[inline(always)]
    #[expect(
        clippy::cast_precision_loss,
        reason = "rounds to nearest even, as the others do"
    )]
    fn to_f32(self, v: Self::I) -> Self::F {
        lanes!(i => v[i] as f32)
    }

    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the values are within 8 bits"
    )]
    fn store_i8(self, v: Self::I, out: &mut [i8; LANES]) {
        *out = lanes!(i => v[i] as i8);
    }

    #[inline(always)]
    fn pow2(self, n: Self::I) -> Self::F {
        lanes!(i => f32::from_bits(n[i].wrapping_add(127).cast_unsigned() << 23))
    }

    #[inline(always)]
    fn prefetch(self, _: &[u8], _: usize) {}

    #[inline(always)]
    fn prefetch_l2(self, _: &[u8]) {}

    #[inline(always)]
    fn codes8(self, line: &[u8; 64]) -> Self::Codes {
        *line
    }

    #[inline(always)]
    fn codes4(self, line: &[u8; 64]) -> [Self::Codes; 2] {
        [line.map(|byte| byte & 15), line.map(|byte| byte >> 4)]
    }

    #[inline(always)]
    fn dot_zero(self) -> Self::Dot {
        [0; LANES]
    }

    #[inline(always)]
    fn dot<const WIDE: bool>(
        self,
        mut sum: Self::Dot,
        codes: Self::Codes,
        x: &InputGroup,
        quad: usize,
    ) -> Self::Dot {
        let (words, _) = x.codes.as_chunks::<2>();
        let (columns, _) = codes.as_chunks::<4>();
        for (sum, codes) in sum.iter_mut().zip(columns) {
            for k in 0..4 {
                let x = i32::from(i16::from_le_bytes(words[quad * 4 + k]));
                *sum += i32::from(codes[k]) * x;
            }
        }
        sum
    }

    #[inline(always)]
    fn byte_codes<'a, const WIDE: bool>(
        self,
        x: &'a [InputGroup; LANES],
        scratch: &'a mut [InputGroup; LANES],
    ) -> &'a [InputGroup; LANES] {
        split_words::<WIDE>(x, scratch);
        scratch
    }

    #[inline(always)]
    fn tile_total<const WIDE: bool>(self, high: &[i32; LANES], low: &[i32; LANES]) -> Self::I {
        lanes!(i => if WIDE { (high[i] << 8).wrapping_add(low[i]) } else { high[i] })
    }

    #[inline(always)]
    fn dot_total<const WIDE: bool>(self, sum: Self::Dot) -> Self::I {
        sum
    }

    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the values are within 16 bits"
    )]
    fn encode<const WIDE: bool>(self, values: [Self::I; 2], codes: &mut [u8; 64]) {
        let (words, _) = codes.as_chunks_mut::<2>();
        for (word, value) in words.iter_mut().zip(values.as_flattened()) {
            *word = (*value as i16).to_le_bytes();
        }
    }
}

/// Joins the lanes by halves.
#[inline(always)]
fn by_halves(mut lanes: [f32; LANES], join: impl Fn(f32, f32) -> f32) -> f32 {
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            lanes[i] = join(lanes[i], lanes[i + half]);
        }
    }
    lanes[0]
}

/// From 16-bit words to bytes, or when `WIDE` to 32 high bytes and 32 low ones, both signed.
#[inline(always)]
pub(super) fn split_words<const WIDE: bool>(
    x: &[InputGroup; LANES],
    bytes: &mut [InputGroup; LANES],
) {
    for (x, bytes) in x.iter().zip(bytes) {
        let (words, _) = x.codes.as_chunks::<2>();
        let (first, second) = bytes.codes.split_at_mut(32);
        for (i, word) in words.iter().enumerate() {
            let [low, _] = *word;
            if WIDE {
                // Rounded, since the low byte is signed.
                let [_, high] = i16::from_le_bytes(*word).wrapping_add(128).to_le_bytes();
                (first[i], second[i]) = (high, low);
            } else {
                first[i] = low;
            }
        }
    }
}
