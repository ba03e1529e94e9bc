//! AVX2 with FMA and F16C: two registers a vector, 16-bit integer products (`vpmaddwd`), which
//! cannot saturate.

#![expect(unsafe_code, reason = "intrinsics are called where `Avx2` proves them")]
#![expect(
    clippy::unused_self,
    reason = "`self` is the proof that an intrinsic may be called"
)]

use std::arch::x86_64::{self as x86, __m128, __m128i, __m256, __m256i, _MM_FROUND_TO_NEAREST_INT};

use super::dispatch::Kernel;
use super::lanes::{InputGroup, LANES, Simd};
use super::portable::split_words;

/// Calls an intrinsic.
macro_rules! call {
    ($name:ident $(::<$constant:tt>)? ($($argument:expr),*)) => {{
        // SAFETY: a value of Avx2 exists, so the processor has the instruction; a pointer, where
        // there is one, comes from a reference to as many bytes as are read or written.
        unsafe { x86::$name $(::<$constant>)? ($($argument),*) }
    }};
}
/// Proves AVX2, FMA and F16C.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn new() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c");
        has.then_some(Self(()))
    }

    /// Sum of eight lanes by halves.
    #[inline(always)]
    pub(super) fn sum_eight(self, v: __m256) -> f32 {
        let four = call!(_mm_add_ps(self.lower(v), self.upper(v)));
        let two = call!(_mm_add_ps(four, self.upper_pair(four)));
        let one = call!(_mm_add_ss(two, self.second(two)));
        call!(_mm_cvtss_f32(one))
    }

    /// Largest of eight lanes by halves.
    #[inline(always)]
    pub(super) fn max_eight(self, v: __m256) -> f32 {
        let four = call!(_mm_max_ps(self.lower(v), self.upper(v)));
        let two = call!(_mm_max_ps(four, self.upper_pair(four)));
        let one = call!(_mm_max_ss(two, self.second(two)));
        call!(_mm_cvtss_f32(one))
    }

    /// Lanes 0 to 3.
    #[inline(always)]
    fn lower(self, v: __m256) -> __m128 {
        call!(_mm256_castps256_ps128(v))
    }

    /// Lanes 4 to 7.
    #[inline(always)]
    fn upper(self, v: __m256) -> __m128 {
        call!(_mm256_extractf128_ps::<1>(v))
    }

    /// Lanes 2 and 3, first.
    #[inline(always)]
    fn upper_pair(self, v: __m128) -> __m128 {
        call!(_mm_movehl_ps(v, v))
    }

    /// Lane 1, first.
    #[inline(always)]
    fn second(self, v: __m128) -> __m128 {
        call!(_mm_shuffle_ps::<1>(v, v))
    }

    /// Widens eight f16.
    #[inline(always)]
    fn widen(self, halves: __m128i) -> __m256 {
        call!(_mm256_cvtph_ps(halves))
    }

    /// Widens eight bf16: they are the high halves of f32.
    #[inline(always)]
    fn widen_bf16(self, halves: __m128i) -> __m256 {
        let words = call!(_mm256_cvtepu16_epi32(halves));
        let bits = call!(_mm256_slli_epi32::<16>(words));
        call!(_mm256_castsi256_ps(bits))
    }

    /// The 16-byte parts of some bytes.
    #[inline(always)]
    fn parts<const N: usize>(self, bytes: &[u8]) -> [__m128i; N] {
        let (parts, _) = bytes.as_chunks::<16>();
        let mut out = [call!(_mm_setzero_si128()); N];
        for i in 0..N {
            out[i] = call!(_mm_loadu_si128(parts[i].as_ptr().cast()));
        }
        out
    }
}

impl Simd for Avx2 {
    type F = [__m256; 2];
    type I = [__m256i; 2];
    /// 16-bit codes; each register is 4 columns.
    type Codes = [__m256i; 4];
    /// Two sums a column, side by side; each register is 4 columns.
    type Dot = [__m256i; 4];

    const MATMUL_ROWS: usize = 2;
    const ATTENTION_ROWS: usize = 4;
    const ATTENTION_CHAINS: usize = 6;
    const BESIDE_AMX: bool = false;

    #[inline(always)]
    fn apart<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: a value of Avx2 exists, so the processor has the instructions.
        unsafe { with_instructions(self, kernel) }
    }

    #[inline(always)]
    fn splat(self, x: f32) -> Self::F {
        [call!(_mm256_set1_ps(x)); 2]
    }

    #[inline(always)]
    fn load(self, x: &[f32; LANES]) -> Self::F {
        let (halves, _) = x.as_chunks::<8>();
        [
            call!(_mm256_loadu_ps(halves[0].as_ptr())),
            call!(_mm256_loadu_ps(halves[1].as_ptr())),
        ]
    }

    #[inline(always)]
    fn load_f16(self, x: &[u16; LANES]) -> Self::F {
        let (halves, _) = x.as_chunks::<8>();
        let low = call!(_mm_loadu_si128(halves[0].as_ptr().cast()));
        let high = call!(_mm_loadu_si128(halves[1].as_ptr().cast()));
        [self.widen(low), self.widen(high)]
    }

    #[inline(always)]
    fn load_i8(self, x: &[i8; LANES]) -> Self::F {
        let bytes = call!(_mm_loadu_si128(x.as_ptr().cast()));
        let low = call!(_mm256_cvtepi8_epi32(bytes));
        let upper = call!(_mm_srli_si128::<8>(bytes));
        let high = call!(_mm256_cvtepi8_epi32(upper));
        self.to_f32([low, high])
    }

    #[inline(always)]
    fn load_f32_bytes(self, x: &[u8; 64]) -> Self::F {
        let (halves, _) = x.as_chunks::<32>();
        let low = call!(_mm256_loadu_ps(halves[0].as_ptr().cast()));
        [low, call!(_mm256_loadu_ps(halves[1].as_ptr().cast()))]
    }

    #[inline(always)]
    fn load_f16_bytes(self, x: &[u8; 32]) -> Self::F {
        let [low, high] = self.parts(x);
        [self.widen(low), self.widen(high)]
    }

    #[inline(always)]
    fn load_bf16_bytes(self, x: &[u8; 32]) -> Self::F {
        let [low, high] = self.parts(x);
        [self.widen_bf16(low), self.widen_bf16(high)]
    }

    #[inline(always)]
    fn store(self, v: Self::F, out: &mut [f32; LANES]) {
        let (halves, _) = out.as_chunks_mut::<8>();
        call!(_mm256_storeu_ps(halves[0].as_mut_ptr(), v[0]));
        call!(_mm256_storeu_ps(halves[1].as_mut_ptr(), v[1]));
    }

    #[inline(always)]
    fn store_f16(self, v: Self::F, out: &mut [u16; LANES]) {
        let (halves, _) = out.as_chunks_mut::<8>();
        let low = call!(_mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(v[0]));
        let high = call!(_mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(v[1]));
        call!(_mm_storeu_si128(halves[0].as_mut_ptr().cast(), low));
        call!(_mm_storeu_si128(halves[1].as_mut_ptr().cast(), high));
    }

    #[inline(always)]
    fn add(self, a: Self::F, b: Self::F) -> Self::F {
        [
            call!(_mm256_add_ps(a[0], b[0])),
            call!(_mm256_add_ps(a[1], b[1])),
        ]
    }

    #[inline(always)]
    fn sub(self, a: Self::F, b: Self::F) -> Self::F {
        [
            call!(_mm256_sub_ps(a[0], b[0])),
            call!(_mm256_sub_ps(a[1], b[1])),
        ]
    }

    #[inline(always)]
    fn mul(self, a: Self::F, b: Self::F) -> Self::F {
        [
            call!(_mm256_mul_ps(a[0], b[0])),
            call!(_mm256_mul_ps(a[1], b[1])),
        ]
    }

    #[inline(always)]
    fn div(self, a: Self::F, b: Self::F) -> Self::F {
        [
            call!(_mm256_div_ps(a[0], b[0])),
            call!(_mm256_div_ps(a[1], b[1])),
        ]
    }

    #[inline(always)]
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        [
            call!(_mm256_fmadd_ps(a[0], b[0], c[0])),
            call!(_mm256_fmadd_ps(a[1], b[1], c[1])),
        ]
    }

    #[inline(always)]
    fn max(self, a: Self::F, b: Self::F) -> Self::F {
        [
            call!(_mm256_max_ps(a[0], b[0])),
            call!(_mm256_max_ps(a[1], b[1])),
        ]
    }

    #[inline(always)]
    fn min(self, a: Self::F, b: Self::F) -> Self::F {
        [
            call!(_mm256_min_ps(a[0], b[0])),
            call!(_mm256_min_ps(a[1], b[1])),
        ]
    }

    #[inline(always)]
    fn abs(self, a: Self::F) -> Self::F {
        let sign = call!(_mm256_set1_ps(-0.0));
        [
            call!(_mm256_andnot_ps(sign, a[0])),
            call!(_mm256_andnot_ps(sign, a[1])),
        ]
    }

    #[inline(always)]
    fn sum_lanes(self, v: Self::F) -> f32 {
        self.sum_eight(call!(_mm256_add_ps(v[0], v[1])))
    }

    #[inline(always)]
    fn max_lanes(self, v: Self::F) -> f32 {
        self.max_eight(call!(_mm256_max_ps(v[0], v[1])))
    }

    #[inline(always)]
    fn first_lane(self, v: Self::F) -> f32 {
        call!(_mm256_cvtss_f32(v[0]))
    }

    #[inline(always)]
    fn first(self, count: usize, v: Self::F, other: Self::F) -> Self::F {
        // Sixteen set lanes, then sixteen clear ones: a window of them is the mask.
        const WINDOW: [u32; 2 * LANES] = {
            let mut lanes = [0; 2 * LANES];
            let mut lane = 0;
            while lane < LANES {
                lanes[lane] = u32::MAX;
                lane += 1;
            }
            lanes
        };
        let start = LANES - count.min(LANES);
        let Some(window) = WINDOW[start..].first_chunk::<LANES>() else {
            return v;
        };
        let mask = [
            call!(_mm256_loadu_ps(window.as_ptr().cast())),
            call!(_mm256_loadu_ps(window[8..].as_ptr().cast())),
        ];
        [
            call!(_mm256_blendv_ps(other[0], v[0], mask[0])),
            call!(_mm256_blendv_ps(other[1], v[1], mask[1])),
        ]
    }

    #[inline(always)]
    fn nearest(self, v: Self::F) -> Self::I {
        [
            call!(_mm256_cvtps_epi32(v[0])),
            call!(_mm256_cvtps_epi32(v[1])),
        ]
    }

    #[inline(always)]
    fn to_f32(self, v: Self::I) -> Self::F {
        [
            call!(_mm256_cvtepi32_ps(v[0])),
            call!(_mm256_cvtepi32_ps(v[1])),
        ]
    }

    #[inline(always)]
    fn store_i8(self, v: Self::I, out: &mut [i8; LANES]) {
        // Packing leaves the quarters in the order 0 2 1 3.
        let words = call!(_mm256_packs_epi32(v[0], v[1]));
        let words = call!(_mm256_permute4x64_epi64::<0b11_01_10_00>(words));
        let low = call!(_mm256_castsi256_si128(words));
        let high = call!(_mm256_extracti128_si256::<1>(words));
        let bytes = call!(_mm_packs_epi16(low, high));
        call!(_mm_storeu_si128(out.as_mut_ptr().cast(), bytes));
    }

    #[inline(always)]
    fn pow2(self, n: Self::I) -> Self::F {
        let bias = call!(_mm256_set1_epi32(127));
        let mut out = self.splat(0.0);
        for half in 0..2 {
            let exponent = call!(_mm256_add_epi32(n[half], bias));
            let bits = call!(_mm256_slli_epi32::<23>(exponent));
            out[half] = call!(_mm256_castsi256_ps(bits));
        }
        out
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
        let parts: [_; 4] = self.parts(line);
        let mut words = self.dot_zero();
        for i in 0..4 {
            words[i] = call!(_mm256_cvtepu8_epi16(parts[i]));
        }
        words
    }

    #[inline(always)]
    fn codes4(self, line: &[u8; 64]) -> [Self::Codes; 2] {
        let mask = call!(_mm256_set1_epi16(15));
        let words = self.codes8(line);
        let mut codes = [words; 2];
        for i in 0..4 {
            codes[0][i] = call!(_mm256_and_si256(words[i], mask));
            codes[1][i] = call!(_mm256_srli_epi16::<4>(words[i]));
        }
        codes
    }

    #[inline(always)]
    fn dot_zero(self) -> Self::Dot {
        [call!(_mm256_setzero_si256()); 4]
    }

    #[inline(always)]
    fn dot<const WIDE: bool>(
        self,
        mut sum: Self::Dot,
        codes: Self::Codes,
        x: &InputGroup,
        quad: usize,
    ) -> Self::Dot {
        let (quads, _) = x.codes.as_chunks::<8>();
        let x = call!(_mm256_set1_epi64x(i64::from_le_bytes(quads[quad & 7])));
        for i in 0..4 {
            let products = call!(_mm256_madd_epi16(codes[i], x));
            sum[i] = call!(_mm256_add_epi32(sum[i], products));
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
        let (highs, _) = high.as_chunks::<8>();
        let (lows, _) = low.as_chunks::<8>();
        let mut total = self.nearest(self.splat(0.0));
        for half in 0..2 {
            total[half] = call!(_mm256_loadu_si256(highs[half].as_ptr().cast()));
            if WIDE {
                let high = call!(_mm256_slli_epi32::<8>(total[half]));
                let low = call!(_mm256_loadu_si256(lows[half].as_ptr().cast()));
                total[half] = call!(_mm256_add_epi32(high, low));
            }
        }
        total
    }

    #[inline(always)]
    fn dot_total<const WIDE: bool>(self, sum: Self::Dot) -> Self::I {
        // Adding neighbours leaves columns 0 1 4 5 | 2 3 6 7.
        let low = call!(_mm256_hadd_epi32(sum[0], sum[1]));
        let high = call!(_mm256_hadd_epi32(sum[2], sum[3]));
        [
            call!(_mm256_permute4x64_epi64::<0b11_01_10_00>(low)),
            call!(_mm256_permute4x64_epi64::<0b11_01_10_00>(high)),
        ]
    }

    /// 16-bit words in order.
    #[inline(always)]
    fn encode<const WIDE: bool>(self, values: [Self::I; 2], codes: &mut [u8; 64]) {
        let (halves, _) = codes.as_chunks_mut::<32>();
        for (half, [low, high]) in halves.iter_mut().zip(values) {
            // Packing leaves the quarters in the order 0 2 1 3.
            let words = call!(_mm256_packs_epi32(low, high));
            let words = call!(_mm256_permute4x64_epi64::<0b11_01_10_00>(words));
            call!(_mm256_storeu_si256(half.as_mut_ptr().cast(), words));
        }
    }
}

#[inline(never)]
#[target_feature(enable = "avx2,fma,f16c")]
fn with_instructions<K: Kernel>(s: Avx2, kernel: K) -> K::Output {
    kernel.run(s)
}
