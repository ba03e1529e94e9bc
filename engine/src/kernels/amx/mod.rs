//! Tile registers: Intel AMX, and an emulation that says what its instructions mean.
//!
//! A processor with AMX has eight registers of up to 16 rows of 64 bytes, and an instruction that
//! multiplies two of them: 16 x 16 sums of up to 64 products of bytes. [`TileRegisters`] is all that
//! kernels may do with them. It is implemented twice: by the instructions, in inline assembly since
//! Rust has no stable intrinsics for them, and in plain Rust after the manual. What a kernel computes
//! is tested on the emulation, on every machine.
//!
//! Before the instructions are used, [`detect`] proves them: the processor has them, the operating
//! system keeps the registers for each thread and lets this process use them, and a few products are
//! what the emulation says. A machine that fails the last computes without AMX, and says so in its
//! log.
//!
//! Sources: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18
//! (Programming with Intel AMX) and the instructions' pages in volume 2; Linux, `Documentation/
//! arch/x86/xstate.rst` (asking for the registers).

mod check;
mod config;
mod detect;
mod emulation;
mod error;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod instructions;
mod unit;

pub(super) use config::{TILE_ROWS, TileConfig, TileSums};
pub(super) use detect::detect;
#[cfg(test)]
pub(super) use emulation::Emulation;
pub use error::AmxError;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub(super) use instructions::Amx;
pub(super) use unit::{TileRegisters, TileUnit, Tiles};
#[cfg(test)]
mod tests;
