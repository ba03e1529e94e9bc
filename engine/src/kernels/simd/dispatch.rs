//! The one place where an [`Isa`] becomes instructions.

#[cfg(target_arch = "x86_64")]
use super::avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use super::avx512::Avx512;
use super::lanes::Simd;
use super::portable::Portable;
use crate::Isa;

/// A computation that is compiled for each instruction set.
///
/// `run` and all that it calls must be `#[inline(always)]`, and no closure may touch a vector (the
/// compiler cannot be made to inline closures): what is not inlined is compiled without the
/// instructions, and each of its operations becomes a call.
pub(in crate::kernels) trait Kernel {
    type Output;
    fn run<S: Simd>(self, s: S) -> Self::Output;
}

/// The best vector instruction set of this processor; tile registers are found by
/// [`detect`](crate::kernels::amx::detect).
pub(in crate::kernels) fn best_isa() -> Isa {
    #[cfg(target_arch = "x86_64")]
    {
        if Avx512::new().is_some() {
            return Isa::Avx512Vnni;
        }
        if Avx2::new().is_some() {
            return Isa::Avx2;
        }
    }
    Isa::Portable
}

/// Runs `kernel` with the instructions of `isa`; with plain Rust where the processor lacks them,
/// which [`Kernels::new`](crate::kernels::Kernels::new) has ruled out.
#[inline]
pub(in crate::kernels) fn dispatch<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    match isa {
        // Beside tile registers, AVX-512 does all that vectors do.
        Isa::Amx | Isa::Avx512Vnni => {
            if let Some(s) = Avx512::new() {
                return s.apart(kernel);
            }
        }
        Isa::Avx2 => {
            if let Some(s) = Avx2::new() {
                return s.apart(kernel);
            }
        }
        Isa::Portable => {}
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = isa;
    kernel.run(Portable)
}
