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
    use std::fmt::Display;
    use std::io;

    use super::super::check::agree;
    use super::super::emulation::Emulation;
    use super::super::instructions::Amx;
    use super::{AmxError, Tiles};

    /// Bit of CPUID leaf 1, register ECX: the system uses XSAVE.
    const OSXSAVE: u32 = 1 << 27;
    /// Bits of CPUID leaf 7, register EDX.
    const AMX_TILE_AND_INT8: u32 = 1 << 24 | 1 << 25;
    /// Bits of XCR0 that say that the system keeps the tiles' configuration and data.
    const XTILE: u64 = 1 << 17 | 1 << 18;
    /// `arch_prctl`: the register states that this process may use.
    const ARCH_GET_XCOMP_PERM: libc::c_int = 0x1022;
    /// `arch_prctl`: asks for a register state.
    const ARCH_REQ_XCOMP_PERM: libc::c_int = 0x1023;
    /// The state of the tiles' data.
    const XTILEDATA: libc::c_ulong = 18;

    pub(super) fn detect() -> Result<Tiles, AmxError> {
        if !processor_has_them() {
            return Err(AmxError::Missing);
        }
        if __cpuid(1).ecx & OSXSAVE == 0 {
            return Err(AmxError::Disabled);
        }
        // SAFETY: the system uses XSAVE, so the processor has it.
        if unsafe { enabled_states() } & XTILE != XTILE {
            return Err(AmxError::Disabled);
        }
        ask()?;
        // SAFETY: the processor, the system and its permission were checked just now, all before the
        // first instruction.
        let amx = unsafe { Amx::new() };
        if agree(amx, Emulation) {
            Ok(Tiles::Amx(amx))
        } else {
            Err(AmxError::Differs)
        }
    }

    /// Tiles of palette 1 (8 registers of 16 rows of 64 bytes) and their int8 products, of whole
    /// tiles.
    fn processor_has_them() -> bool {
        const TILE_LEAF: u32 = 0x1d;
        const PRODUCT_LEAF: u32 = 0x1e;
        if __cpuid(0).eax < PRODUCT_LEAF
            || __cpuid_count(7, 0).edx & AMX_TILE_AND_INT8 != AMX_TILE_AND_INT8
        {
            return false;
        }
        let palette = __cpuid_count(TILE_LEAF, 1);
        let (row_bytes, registers) = (palette.ebx & 0xffff, palette.ebx >> 16);
        let rows = palette.ecx & 0xffff;
        let product = __cpuid_count(PRODUCT_LEAF, 0);
        let (depth, width) = (product.ebx & 0xff, product.ebx >> 8 & 0xffff);
        row_bytes >= 64 && registers >= 8 && rows >= 16 && depth >= 16 && width >= 64
    }

    #[target_feature(enable = "xsave")]
    fn enabled_states() -> u64 {
        // SAFETY: register 0 is there where XSAVE is.
        unsafe { _xgetbv(0) }
    }

    /// Asks Linux for the tiles' data, for all threads of the process; asking again is allowed. What
    /// was granted is read back: a sandbox may answer a call with success and not make it, and an
    /// instruction without the permission would end the process.
    fn ask() -> Result<(), AmxError> {
        // SAFETY: this call takes two numbers and changes what the process may use, nothing else.
        let asked = unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA) };
        if asked != 0 {
            return Err(refused(&io::Error::last_os_error()));
        }
        let mut granted = 0_u64;
        // SAFETY: this call writes one number of 64 bits to where the pointer points, no more.
        let read =
            unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_GET_XCOMP_PERM, &raw mut granted) };
        if read != 0 {
            return Err(refused(&io::Error::last_os_error()));
        }
        if granted >> XTILEDATA & 1 == 0 {
            return Err(refused(
                &"it was asked for, and is not among what is granted",
            ));
        }
        Ok(())
    }

    fn refused(reason: &dyn Display) -> AmxError {
        AmxError::Refused {
            reason: reason.to_string(),
        }
    }
}
