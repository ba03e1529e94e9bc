//! The tile instructions themselves.
//!
//! Rust has no stable intrinsics for them, but its assembler knows them. The compiler uses no tile
//! register of its own where AMX is not enabled, so what one statement leaves in a register the next
//! one finds there; the clobbers say so to a compiler that would.

#![expect(
    unsafe_code,
    reason = "instructions are written where `Amx` proves them"
)]

use std::arch::asm;
use std::marker::PhantomData;

use super::config::{ROW_BYTES, TILE_ROWS, TileConfig, TileSums};
use super::unit::{TileRegisters, TileUnit};

/// Writes an instruction that changes tile registers.
macro_rules! tile_asm {
    ($($part:tt)*) => {
        asm!(
            $($part)*
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
        )
    };
}

/// Proves that the processor has AMX tiles and int8 products, and that this process may use them.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernels) struct Amx(());

impl Amx {
    /// # Safety
    /// The processor must have AMX-TILE and AMX-INT8 with palette 1, and the operating system must
    /// have given this process the registers.
    pub(super) unsafe fn new() -> Self {
        Self(())
    }
}

impl TileUnit for Amx {
    type Registers = AmxRegisters;

    #[inline(always)]
    fn configure(self, config: &TileConfig) -> AmxRegisters {
        // SAFETY: an Amx exists, so the processor has the instruction; it reads the 64 bytes of the
        // configuration, and changes nothing that the compiler uses.
        unsafe {
            tile_asm!(
                "ldtilecfg [{config}]",
                config = in(reg) config,
                options(nostack, preserves_flags, readonly),
            );
        }
        AmxRegisters {
            config: *config,
            of_thread: PhantomData,
        }
    }
}

/// This thread's registers, configured.
#[derive(Debug)]
pub(in crate::kernels) struct AmxRegisters {
    config: TileConfig,
    /// Another thread has other registers.
    of_thread: PhantomData<*const ()>,
}

impl Drop for AmxRegisters {
    /// The registers return to their first state, which costs nothing to keep when threads change.
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: registers are configured only where an Amx exists; nothing else is changed.
        unsafe {
            tile_asm!("tilerelease", options(nomem, nostack, preserves_flags),);
        }
    }
}

impl TileRegisters for AmxRegisters {
    #[inline(always)]
    fn zero<const TILE: usize>(&mut self) {
        // SAFETY: the registers are configured; nothing but one of them changes.
        unsafe {
            tile_asm!(
                "tilezero tmm{tile}",
                tile = const TILE,
                options(nomem, nostack, preserves_flags),
            );
        }
    }

    #[inline(always)]
    fn load<const TILE: usize>(&mut self, bytes: &[u8], stride: usize) {
        self.config.assert_holds(TILE, bytes, stride);
        // SAFETY: the registers are configured; the rows that are read lie within `bytes`, as was
        // asserted just now.
        unsafe {
            tile_asm!(
                "tileloadd tmm{tile}, [{start} + {stride}*1]",
                tile = const TILE,
                start = in(reg) bytes.as_ptr(),
                stride = in(reg) stride,
                options(nostack, preserves_flags, readonly),
            );
        }
    }

    #[inline(always)]
    fn dot<const SUMS: usize, const ROWS: usize, const COLUMNS: usize>(&mut self) {
        // SAFETY: the registers are configured, and as a product asks for, since `TileConfig` makes
        // no others; nothing but one of them changes.
        unsafe {
            tile_asm!(
                "tdpbsud tmm{sums}, tmm{rows}, tmm{columns}",
                sums = const SUMS,
                rows = const ROWS,
                columns = const COLUMNS,
                options(nomem, nostack, preserves_flags),
            );
        }
    }

    #[inline(always)]
    fn store<const TILE: usize>(&mut self, out: &mut TileSums) {
        assert_eq!(
            self.config.shape(TILE),
            (TILE_ROWS, ROW_BYTES),
            "tile {TILE} has no sums"
        );
        // SAFETY: the registers are configured; 16 rows of 64 bytes, one after the other, are what
        // `out` has.
        unsafe {
            tile_asm!(
                "tilestored [{start} + {stride}*1], tmm{tile}",
                tile = const TILE,
                start = in(reg) out.0.as_mut_ptr(),
                stride = in(reg) ROW_BYTES,
                options(nostack, preserves_flags),
            );
        }
    }
}
