//! Whether the tile registers can be used here.

use super::error::AmxError;
use super::unit::Tiles;
use crate::Isa;

/// The tile registers of this machine. Asks the operating system for them: call this before the
/// threads start that use them. `vectors` is the best instruction set beside them.
pub(in crate::kernels) fn detect(vectors: Isa) -> Result<Tiles, AmxError> {
    if vectors < Isa::Avx512Vnni {
        return Err(AmxError::Missing);
    }
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    {
        linux::detect()
    }
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    {
        Err(AmxError::Missing)
    }
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod linux {
    #![expect(
        unsafe_code,
        reason = "asks the processor and Linux, and vouches for their answers"
    )]

    use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
    use std::io;

    use super::super::check::agree;
    use super::super::emulation::Emulation;
    use super::super::instructions::Amx;
    use super::{AmxError, Tiles};

    /// Bits of CPUID leaf 7, register EDX.
    const AMX_TILE_AND_INT8: u32 = 1 << 24 | 1 << 25;
    /// Bits of XCR0 that say that the system keeps the tiles' configuration and data.
    const XTILE: u64 = 1 << 17 | 1 << 18;
    /// `arch_prctl`: asks for a register state.
    const ARCH_REQ_XCOMP_PERM: libc::c_int = 0x1023;
    /// The state of the tiles' data.
    const XTILEDATA: libc::c_ulong = 18;

    pub(super) fn detect() -> Result<Tiles, AmxError> {
        if !processor_has_them() {
            return Err(AmxError::Missing);
        }
        // SAFETY: AVX-512 was detected, which takes XSAVE and its use by the system.
        if unsafe { enabled_states() } & XTILE != XTILE {
            return Err(AmxError::Disabled);
        }
        ask()?;
        // SAFETY: the processor, the system and its permission were checked just now.
        let amx = unsafe { Amx::new() };
        if agree(amx, Emulation) {
            Ok(Tiles::Amx(amx))
        } else {
            Err(AmxError::Differs)
        }
    }

    /// Tiles of palette 1 (8 registers of 16 rows of 64 bytes) and their int8 products.
    fn processor_has_them() -> bool {
        const TILE_LEAF: u32 = 0x1d;
        if __cpuid(0).eax < TILE_LEAF
            || __cpuid_count(7, 0).edx & AMX_TILE_AND_INT8 != AMX_TILE_AND_INT8
        {
            return false;
        }
        let palette = __cpuid_count(TILE_LEAF, 1);
        let (row_bytes, registers) = (palette.ebx & 0xffff, palette.ebx >> 16);
        let rows = palette.ecx & 0xffff;
        row_bytes >= 64 && registers >= 8 && rows >= 16
    }

    #[target_feature(enable = "xsave")]
    fn enabled_states() -> u64 {
        // SAFETY: register 0 is there where XSAVE is.
        unsafe { _xgetbv(0) }
    }

    /// Asks Linux for the tiles' data, for all threads of the process; asking again is allowed.
    fn ask() -> Result<(), AmxError> {
        // SAFETY: this call takes two numbers and changes what the process may use, nothing else.
        let answer = unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA) };
        if answer == 0 {
            return Ok(());
        }
        Err(AmxError::Refused {
            reason: io::Error::last_os_error().to_string(),
        })
    }
}
