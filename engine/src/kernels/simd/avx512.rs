//! AVX-512 with VNNI: one register a vector, `vpdpbusd` for the integer products.

#![expect(
    unsafe_code,
    reason = "intrinsics are called where `Avx512` proves them"
)]
#![expect(
    clippy::unused_self,
    reason = "`self` is the proof that an intrinsic may be called"
)]

use std::arch::x86_64::{self as x86, __m256, __m512, __m512i, _MM_FROUND_TO_NEAREST_INT};

use super::avx2::Avx2;
use super::dispatch::Kernel;
use super::lanes::{InputGroup, LANES, Simd};

/// Calls an intrinsic.
macro_rules! call {
    ($name:ident $(::<$constant:tt>)? ($($argument:expr),*)) => {{
        // SAFETY: a value of Avx512 exists, so the processor has the instruction; a pointer, where
        // there is one, comes from a reference to as many bytes as are read or written.
        unsafe { x86::$name $(::<$constant>)? ($($argument),*) }
    }};
}

/// Proves AVX-512 F, BW, VL and VNNI, and all that [`Avx2`] needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx512(Avx2);

impl Avx512 {
    pub(super) fn new() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vnni");
        Avx2::new().filter(|_| has).map(Self)
    }

    /// Lanes 0 to 7.
    #[inline(always)]
    fn lower(self, v: __m512) -> __m256 {
        call!(_mm512_castps512_ps256(v))
    }

    /// Lanes 8 to 15.
    #[inline(always)]
    fn upper(self, v: __m512) -> __m256 {
        let bits = call!(_mm512_castps_pd(v));
        let upper = call!(_mm512_extractf64x4_pd::<1>(bits));
        call!(_mm256_castpd_ps(upper))
    }
}

impl Simd for Avx512 {
    type F = __m512;
    type I = __m512i;
    type Codes = __m512i;
    /// Sums of the high and of the low bytes of the activations.
    type Dot = [__m512i; 2];

    const MATMUL_ROWS: usize = 8;
    const ATTENTION_ROWS: usize = 4;
    const ATTENTION_CHAINS: usize = 16;
    const BESIDE_AMX: bool = true;

    #[inline(always)]
    fn apart<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: a value of Avx512 exists, so the processor has the instructions.
        unsafe { with_instructions(self, kernel) }
    }

    #[inline(always)]
    fn splat(self, x: f32) -> Self::F {
        call!(_mm512_set1_ps(x))
    }

    #[inline(always)]
    fn load(self, x: &[f32; LANES]) -> Self::F {
        call!(_mm512_loadu_ps(x.as_ptr()))
    }

    #[inline(always)]
    fn load_f16(self, x: &[u16; LANES]) -> Self::F {
        let halves = call!(_mm256_loadu_si256(x.as_ptr().cast()));
        call!(_mm512_cvtph_ps(halves))
    }

    #[inline(always)]
    fn load_i8(self, x: &[i8; LANES]) -> Self::F {
        let bytes = call!(_mm_loadu_si128(x.as_ptr().cast()));
        let integers = call!(_mm512_cvtepi8_epi32(bytes));
        self.to_f32(integers)
    }

    #[inline(always)]
    fn load_f32_bytes(self, x: &[u8; 64]) -> Self::F {
        call!(_mm512_loadu_ps(x.as_ptr().cast()))
    }

    #[inline(always)]
    fn load_f16_bytes(self, x: &[u8; 32]) -> Self::F {
        let halves = call!(_mm256_loadu_si256(x.as_ptr().cast()));
        call!(_mm512_cvtph_ps(halves))
    }

    #[inline(always)]
    fn load_bf16_bytes(self, x: &[u8; 32]) -> Self::F {
        let halves = call!(_mm256_loadu_si256(x.as_ptr().cast()));
        let words = call!(_mm512_cvtepu16_epi32(halves));
        let bits = call!(_mm512_slli_epi32::<16>(words));
        call!(_mm512_castsi512_ps(bits))
    }

    #[inline(always)]
    fn store(self, v: Self::F, out: &mut [f32; LANES]) {
        call!(_mm512_storeu_ps(out.as_mut_ptr(), v));
    }

    #[inline(always)]
    fn store_f16(self, v: Self::F, out: &mut [u16; LANES]) {
        let halves = call!(_mm512_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(v));
        call!(_mm256_storeu_si256(out.as_mut_ptr().cast(), halves));
    }

    #[inline(always)]
    fn add(self, a: Self::F, b: Self::F) -> Self::F {
        call!(_mm512_add_ps(a, b))
    }

    #[inline(always)]
    fn sub(self, a: Self::F, b: Self::F) -> Self::F {
        call!(_mm512_sub_ps(a, b))
    }

    #[inline(always)]
    fn mul(self, a: Self::F, b: Self::F) -> Self::F {
        call!(_mm512_mul_ps(a, b))
    }

    #[inline(always)]
    fn div(self, a: Self::F, b: Self::F) -> Self::F {
        call!(_mm512_div_ps(a, b))
    }

    #[inline(always)]
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        call!(_mm512_fmadd_ps(a, b, c))
    }

    #[inline(always)]
    fn max(self, a: Self::F, b: Self::F) -> Self::F {
        call!(_mm512_max_ps(a, b))
    }

    #[inline(always)]
    fn min(self, a: Self::F, b: Self::F) -> Self::F {
        call!(_mm512_min_ps(a, b))
    }

    #[inline(always)]
    fn abs(self, a: Self::F) -> Self::F {
        call!(_mm512_abs_ps(a))
    }

    #[inline(always)]
    fn sum_lanes(self, v: Self::F) -> f32 {
        let eight = call!(_mm256_add_ps(self.lower(v), self.upper(v)));
        self.0.sum_eight(eight)
    }

    #[inline(always)]
    fn max_lanes(self, v: Self::F) -> f32 {
        let eight = call!(_mm256_max_ps(self.lower(v), self.upper(v)));
        self.0.max_eight(eight)
    }

    #[inline(always)]
    fn first_lane(self, v: Self::F) -> f32 {
        call!(_mm512_cvtss_f32(v))
    }

    #[inline(always)]
    fn first(self, count: usize, v: Self::F, other: Self::F) -> Self::F {
        let mask = if count < LANES {
            (1 << count) - 1
        } else {
            u16::MAX
        };
        call!(_mm512_mask_blend_ps(mask, other, v))
    }

    #[inline(always)]
    fn nearest(self, v: Self::F) -> Self::I {
        call!(_mm512_cvtps_epi32(v))
    }

    #[inline(always)]
    fn to_f32(self, v: Self::I) -> Self::F {
        call!(_mm512_cvtepi32_ps(v))
    }

    #[inline(always)]
    fn store_i8(self, v: Self::I, out: &mut [i8; LANES]) {
        let bytes = call!(_mm512_cvtepi32_epi8(v));
        call!(_mm_storeu_si128(out.as_mut_ptr().cast(), bytes));
    }

    #[inline(always)]
    fn pow2(self, n: Self::I) -> Self::F {
        let bias = call!(_mm512_set1_epi32(127));
        let exponent = call!(_mm512_add_epi32(n, bias));
        let bits = call!(_mm512_slli_epi32::<23>(exponent));
        call!(_mm512_castsi512_ps(bits))
    }

    #[inline(always)]
    fn prefetch(self, bytes: &[u8], ahead: usize) {
        for line in bytes.chunks(64) {
            let place = line.as_ptr().wrapping_add(ahead);
            call!(_mm_prefetch::<{ x86::_MM_HINT_T0 }>(place.cast()));
        }
    }

    #[inline(always)]
    fn prefetch_l2(self, bytes: &[u8]) {
        for line in bytes.chunks(64) {
            call!(_mm_prefetch::<{ x86::_MM_HINT_T1 }>(line.as_ptr().cast()));
        }
    }

    #[inline(always)]
    fn codes8(self, line: &[u8; 64]) -> Self::Codes {
        call!(_mm512_loadu_si512(line.as_ptr().cast()))
    }

    #[inline(always)]
    fn codes4(self, line: &[u8; 64]) -> [Self::Codes; 2] {
        let mask = call!(_mm512_set1_epi8(15));
        let bytes = call!(_mm512_loadu_si512(line.as_ptr().cast()));
        let shifted = call!(_mm512_srli_epi16::<4>(bytes));
        [
            call!(_mm512_and_si512(bytes, mask)),
            call!(_mm512_and_si512(shifted, mask)),
        ]
    }

    #[inline(always)]
    fn dot_zero(self) -> Self::Dot {
        [call!(_mm512_setzero_si512()); 2]
    }

    #[inline(always)]
    fn dot<const WIDE: bool>(
        self,
        [high, low]: Self::Dot,
        codes: Self::Codes,
        x: &InputGroup,
        quad: usize,
    ) -> Self::Dot {
        let (quads, _) = x.codes.as_chunks::<4>();
        let x = call!(_mm512_set1_epi32(i32::from_le_bytes(quads[quad & 7])));
        let high = call!(_mm512_dpbusd_epi32(high, codes, x));
        if !WIDE {
            return [high, low];
        }
        let x = call!(_mm512_set1_epi32(i32::from_le_bytes(quads[8 + (quad & 7)])));
        [high, call!(_mm512_dpbusd_epi32(low, codes, x))]
    }

    #[inline(always)]
    fn byte_codes<'a, const WIDE: bool>(
        self,
        x: &'a [InputGroup; LANES],
        _: &'a mut [InputGroup; LANES],
    ) -> &'a [InputGroup; LANES] {
        x
    }

    #[inline(always)]
    fn tile_total<const WIDE: bool>(self, high: &[i32; LANES], low: &[i32; LANES]) -> Self::I {
        let high = call!(_mm512_loadu_si512(high.as_ptr().cast()));
        if !WIDE {
            return high;
        }
        let low = call!(_mm512_loadu_si512(low.as_ptr().cast()));
        self.dot_total::<true>([high, low])
    }

    #[inline(always)]
    fn dot_total<const WIDE: bool>(self, [high, low]: Self::Dot) -> Self::I {
        if !WIDE {
            return high;
        }
        let high = call!(_mm512_slli_epi32::<8>(high));
        call!(_mm512_add_epi32(high, low))
    }

    /// Eight bits: 32 bytes. Sixteen: 32 high bytes, 32 low ones, both signed, so that a value is
    /// 256 * high + low.
    #[inline(always)]
    fn encode<const WIDE: bool>(self, values: [Self::I; 2], codes: &mut [u8; 64]) {
        let half = call!(_mm512_set1_epi32(128));
        let (parts, _) = codes.as_chunks_mut::<16>();
        for (index, value) in values.into_iter().enumerate() {
            let low = call!(_mm512_cvtepi32_epi8(value));
            if !WIDE {
                call!(_mm_storeu_si128(parts[index].as_mut_ptr().cast(), low));
                continue;
            }
            let rounded = call!(_mm512_add_epi32(value, half));
            let shifted = call!(_mm512_srai_epi32::<8>(rounded));
            let high = call!(_mm512_cvtepi32_epi8(shifted));
            call!(_mm_storeu_si128(parts[index].as_mut_ptr().cast(), high));
            call!(_mm_storeu_si128(parts[2 + index].as_mut_ptr().cast(), low));
        }
    }
}

#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
fn with_instructions<K: Kernel>(s: Avx512, kernel: K) -> K::Output {
    kernel.run(s)
}
