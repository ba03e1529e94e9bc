//! What an instruction set must offer.

use bytemuck::{Pod, Zeroable};

use super::dispatch::Kernel;

/// Lanes of a vector: a column tile of a matrix, a KV block's positions.
pub(in crate::kernels) const LANES: usize = 16;

/// One group of 32 quantised activations, in the order that the instruction set's dot reads.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(16))]
pub(in crate::kernels) struct InputGroup {
    /// Eight quads of four values; the form is [`Simd::encode`]'s own.
    pub(in crate::kernels) codes: [u8; 64],
    /// What one unit is worth.
    pub(in crate::kernels) scale: f32,
    /// Sum of the values: `scale` times the sum of the integers.
    pub(in crate::kernels) sum: f32,
    /// The same for values 0..16 and 16..32.
    pub(in crate::kernels) half_sums: [f32; 2],
}

impl InputGroup {
    /// Sixty-four zero bits, worth nothing.
    pub(in crate::kernels) const ZERO: Self = Self {
        codes: [0; 64],
        scale: 0.0,
        sum: 0.0,
        half_sums: [0.0; 2],
    };
}

/// An instruction set. A value of it proves that the processor has the instructions.
///
/// Floats follow IEEE 754 with rounding to nearest even and fused `mul_add`; `max` and `min` give
/// their second operand when either is NaN.
pub(in crate::kernels) trait Simd: Copy {
    /// 16 f32.
    type F: Copy;
    /// 16 i32.
    type I: Copy;
    /// 64 weight codes: 16 columns by 4 values of k.
    type Codes: Copy;
    /// Partial sums of an integer dot product for 16 columns.
    type Dot: Copy;

    /// Rows that a matmul keeps in registers at once.
    const MATMUL_ROWS: usize;
    /// Query rows that attention keeps in registers at once: 1, 2, 4 or 8.
    const ATTENTION_ROWS: usize;
    /// Vectors that attention sums side by side.
    const ATTENTION_CHAINS: usize;
    /// Whether processors with AMX compute with these vectors.
    const BESIDE_AMX: bool;

    /// Runs `kernel` in a function of its own, which keeps the compiler's view small.
    fn apart<K: Kernel>(self, kernel: K) -> K::Output;

    fn splat(self, x: f32) -> Self::F;
    fn load(self, x: &[f32; LANES]) -> Self::F;
    fn load_f16(self, x: &[u16; LANES]) -> Self::F;
    fn load_i8(self, x: &[i8; LANES]) -> Self::F;
    /// Little-endian f32 at any alignment.
    fn load_f32_bytes(self, x: &[u8; 64]) -> Self::F;
    /// Little-endian f16 at any alignment.
    fn load_f16_bytes(self, x: &[u8; 32]) -> Self::F;
    /// Little-endian bf16 at any alignment.
    fn load_bf16_bytes(self, x: &[u8; 32]) -> Self::F;
    fn store(self, v: Self::F, out: &mut [f32; LANES]);
    /// Rounds to nearest even.
    fn store_f16(self, v: Self::F, out: &mut [u16; LANES]);
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a * b + c`, rounded once.
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    fn max(self, a: Self::F, b: Self::F) -> Self::F;
    fn min(self, a: Self::F, b: Self::F) -> Self::F;
    fn abs(self, a: Self::F) -> Self::F;
    /// Sum of the lanes by halves: lane i plus lane i + 8, then i + 4, i + 2, i + 1.
    fn sum_lanes(self, v: Self::F) -> f32;
    /// Largest lane, by halves too.
    fn max_lanes(self, v: Self::F) -> f32;
    fn first_lane(self, v: Self::F) -> f32;
    /// The first `count` lanes of `v`, `other` in the rest.
    fn first(self, count: usize, v: Self::F, other: Self::F) -> Self::F;

    /// Nearest integer, ties to even; |v| must be below 2^22.
    fn nearest(self, v: Self::F) -> Self::I;
    fn to_f32(self, v: Self::I) -> Self::F;
    /// The integers must be within i8.
    fn store_i8(self, v: Self::I, out: &mut [i8; LANES]);
    /// 2^n for n in -126..=127.
    fn pow2(self, n: Self::I) -> Self::F;

    /// Asks for the cache lines of `bytes.len()` bytes that lie `ahead` bytes behind those given,
    /// whatever is there: a hint, which reads nothing.
    fn prefetch(self, bytes: &[u8], ahead: usize);
    /// Asks for the cache lines of `bytes` in the second cache, which has more lines on their way
    /// at once than the first.
    fn prefetch_l2(self, bytes: &[u8]);
    /// 64 codes of a byte each: quad-interleaved, column by column.
    fn codes8(self, line: &[u8; 64]) -> Self::Codes;
    /// Two quads of 4-bit codes: the low nibbles are the first.
    fn codes4(self, line: &[u8; 64]) -> [Self::Codes; 2];
    fn dot_zero(self) -> Self::Dot;
    /// Adds the products of quad `quad` of `x` with the codes. `WIDE` says that the activations
    /// have 16 bits, not 8.
    fn dot<const WIDE: bool>(
        self,
        sum: Self::Dot,
        codes: Self::Codes,
        x: &InputGroup,
        quad: usize,
    ) -> Self::Dot;
    /// The exact sums, one a column.
    fn dot_total<const WIDE: bool>(self, sum: Self::Dot) -> Self::I;
    /// Lays out 32 integers (within i8, or within ±32639 when `WIDE`) as `dot` reads them.
    fn encode<const WIDE: bool>(self, values: [Self::I; 2], codes: &mut [u8; 64]);
    /// Activations with codes as tile registers load them: 32 signed bytes, or when `WIDE` 32 high
    /// bytes and 32 low ones, both signed. Those given where `encode` lays them out so, else
    /// `scratch`, of which only the codes are set.
    fn byte_codes<'a, const WIDE: bool>(
        self,
        x: &'a [InputGroup; LANES],
        scratch: &'a mut [InputGroup; LANES],
    ) -> &'a [InputGroup; LANES];
    /// Integer sums of 16 columns: `high`, or when `WIDE` 256 times that plus `low`.
    fn tile_total<const WIDE: bool>(self, high: &[i32; LANES], low: &[i32; LANES]) -> Self::I;
}
