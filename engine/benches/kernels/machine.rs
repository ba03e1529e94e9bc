//! What the machine can do at most, measured: the roof under which kernels are seen
//! (S. Williams, A. Waterman, D. Patterson: Roofline, CACM 52(4), 2009).

#![expect(
    unsafe_code,
    reason = "the peak of an instruction is measured by that instruction"
)]

use std::hint::black_box;
use std::thread::scope;

use criterion::measurement::{Measurement, WallTime};
use engine::Isa;

/// Bytes that each thread reads: with two threads or more, more than any cache holds.
const READ: usize = 256 << 20;

/// Rounds, of which the best counts: a limit is what nothing disturbed.
const ROUNDS: usize = 9;

/// Steps of the computing loops, some ten milliseconds.
const STEPS: u64 = 1 << 20;

/// Sums that a loop has in flight: so many that no instruction waits for the one before, and so few
/// that they and the factors stay in 16 registers.
const SUMS: usize = 12;

/// Words of memory that are added at a time.
const WORDS: usize = 16;

/// Limits of all threads together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine {
    /// Bytes read from memory a second.
    pub(crate) bandwidth: f64,
    /// Multiplications and additions of 8-bit integers a second, in the instruction set in use; none
    /// for plain Rust.
    pub(crate) int8: Option<f64>,
    /// Multiplications and additions of `f32` a second.
    pub(crate) float: Option<f64>,
}

impl Machine {
    /// Measures for about half a second.
    pub(crate) fn measure(threads: usize, isa: Isa) -> Self {
        let memory = vec![1_u64; READ / size_of::<u64>()];
        let read = best(threads, || {
            black_box(sum(black_box(&memory)));
        });
        Self {
            bandwidth: (threads * READ) as f64 / read,
            int8: operations(threads, int8(isa)),
            float: operations(threads, float(isa)),
        }
    }
}

/// A loop of `STEPS` steps, and the operations of one step.
type Loop = (fn() -> f32, u64);

fn operations(threads: usize, computing: Option<Loop>) -> Option<f64> {
    let (run, of_a_step) = computing?;
    let seconds = best(threads, || {
        black_box(run());
    });
    Some(threads as f64 * (STEPS * of_a_step) as f64 / seconds)
}

/// The shortest time in which so many threads all do `work`.
fn best(threads: usize, work: impl Fn() + Sync) -> f64 {
    let once = || {
        let clock = WallTime;
        let start = clock.start();
        scope(|scope| {
            for _ in 1..threads {
                scope.spawn(&work);
            }
            work();
        });
        clock.end(start).as_secs_f64()
    };
    (0..ROUNDS).map(|_| once()).fold(f64::INFINITY, f64::min)
}

fn sum(memory: &[u64]) -> u64 {
    let mut sums = [0_u64; WORDS];
    let (whole, _) = memory.as_chunks::<WORDS>();
    for chunk in whole {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum = sum.wrapping_add(*value);
        }
    }
    sums.iter().fold(0, |all, sum| all.wrapping_add(*sum))
}

#[cfg(target_arch = "x86_64")]
fn int8(isa: Isa) -> Option<Loop> {
    match isa {
        // SAFETY: the kernels chose AMX, so the processor has it and this process may use it.
        Isa::Amx => Some((|| unsafe { x86::tiles() }, 4 * 2 * 16 * 16 * 64)),
        // SAFETY: the kernels chose AVX-512 VNNI, so the processor has it.
        Isa::Avx512Vnni => Some((|| unsafe { x86::vnni() }, 2 * 64 * SUMS as u64)),
        // SAFETY: the kernels chose AVX2, so the processor has it.
        Isa::Avx2 => Some((|| unsafe { x86::maddubs() }, 2 * 32 * SUMS as u64)),
        Isa::Portable => None,
    }
}

#[cfg(target_arch = "x86_64")]
fn float(isa: Isa) -> Option<Loop> {
    match isa {
        // SAFETY: the kernels chose AVX-512 VNNI, which comes with AVX-512 F.
        Isa::Amx | Isa::Avx512Vnni => Some((|| unsafe { x86::fma_512() }, 2 * 16 * SUMS as u64)),
        // SAFETY: the kernels chose AVX2 and FMA, so the processor has them.
        Isa::Avx2 => Some((|| unsafe { x86::fma_256() }, 2 * 8 * SUMS as u64)),
        Isa::Portable => None,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn int8(_: Isa) -> Option<Loop> {
    None
}

#[cfg(not(target_arch = "x86_64"))]
fn float(_: Isa) -> Option<Loop> {
    None
}

/// Loops of one instruction, or of the shortest sequence that does the same.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::asm;
    use std::arch::x86_64::{
        _mm256_add_epi32, _mm256_cvtepi32_ps, _mm256_cvtss_f32, _mm256_fmadd_ps, _mm256_madd_epi16,
        _mm256_maddubs_epi16, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32,
        _mm256_set1_ps, _mm512_cvtepi32_ps, _mm512_cvtss_f32, _mm512_dpbusd_epi32, _mm512_fmadd_ps,
        _mm512_set1_epi8, _mm512_set1_epi32, _mm512_set1_ps,
    };
    use std::array::from_fn;
    use std::hint::black_box;

    use super::{STEPS, SUMS};

    /// What `ldtilecfg` reads.
    #[repr(C, align(64))]
    struct TileConfig {
        palette: [u8; 16],
        row_bytes: [u16; 16],
        rows: [u8; 16],
    }

    /// Four products of whole tiles a step, each into a register of its own.
    ///
    /// # Safety
    /// The processor must have AMX int8 tiles, and this process may use them.
    pub(super) unsafe fn tiles() -> f32 {
        let config = TileConfig {
            palette: from_fn(|byte| u8::from(byte == 0)),
            row_bytes: from_fn(|tile| if tile < 8 { 64 } else { 0 }),
            rows: from_fn(|tile| if tile < 8 { 16 } else { 0 }),
        };
        // SAFETY: the caller proves the instruction; it reads the 64 bytes of the configuration. The
        // registers are zeros then.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const config, options(nostack, readonly)) };
        for _ in 0..STEPS {
            // SAFETY: the caller proves the instructions; they change tile registers, of which the
            // compiler uses none.
            unsafe {
                asm!(
                    "tdpbsud tmm0, tmm4, tmm6",
                    "tdpbsud tmm1, tmm4, tmm7",
                    "tdpbsud tmm2, tmm5, tmm6",
                    "tdpbsud tmm3, tmm5, tmm7",
                    out("tmm0") _,
                    out("tmm1") _,
                    out("tmm2") _,
                    out("tmm3") _,
                    options(nomem, nostack, preserves_flags),
                );
            }
        }
        // SAFETY: the caller proves the instruction; it gives the registers back.
        unsafe { asm!("tilerelease", options(nomem, nostack, preserves_flags)) };
        0.0
    }

    #[target_feature(enable = "avx512f,avx512vnni")]
    pub(super) fn vnni() -> f32 {
        let (x, y) = (
            _mm512_set1_epi8(black_box(3)),
            _mm512_set1_epi8(black_box(5)),
        );
        let mut sums: [_; SUMS] = from_fn(|_| _mm512_set1_epi32(black_box(0)));
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = _mm512_dpbusd_epi32(*sum, x, y);
            }
        }
        sums.iter()
            .map(|sum| _mm512_cvtss_f32(_mm512_cvtepi32_ps(*sum)))
            .sum()
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn fma_512() -> f32 {
        let (x, y) = (
            _mm512_set1_ps(black_box(0.5)),
            _mm512_set1_ps(black_box(1.0)),
        );
        let mut sums: [_; SUMS] = from_fn(|_| _mm512_set1_ps(black_box(0.0)));
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = _mm512_fmadd_ps(*sum, x, y);
            }
        }
        sums.iter().map(|sum| _mm512_cvtss_f32(*sum)).sum()
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn maddubs() -> f32 {
        let y = _mm256_set1_epi8(black_box(5));
        let ones = _mm256_set1_epi16(black_box(1));
        let mut sums: [_; SUMS] = from_fn(|_| _mm256_set1_epi32(black_box(3)));
        for _ in 0..STEPS {
            for sum in &mut sums {
                // Of the sum itself: a product that were the same in each step would be computed once.
                let pairs = _mm256_maddubs_epi16(*sum, y);
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, ones));
            }
        }
        sums.iter()
            .map(|sum| _mm256_cvtss_f32(_mm256_cvtepi32_ps(*sum)))
            .sum()
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn fma_256() -> f32 {
        let (x, y) = (
            _mm256_set1_ps(black_box(0.5)),
            _mm256_set1_ps(black_box(1.0)),
        );
        let mut sums: [_; SUMS] = from_fn(|_| _mm256_set1_ps(black_box(0.0)));
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = _mm256_fmadd_ps(*sum, x, y);
            }
        }
        sums.iter().map(|sum| _mm256_cvtss_f32(*sum)).sum()
    }
}
