//! What a kernel may do with tile registers.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use super::Amx;
#[cfg(test)]
use super::Emulation;
use super::config::{TileConfig, TileSums};

/// Tile registers that this thread has configured. They are given back when this is dropped.
///
/// Registers are named by numbers, 0 to 7, known when the kernel is compiled.
pub(in crate::kernels) trait TileRegisters {
    /// Sets all sums of a register to zero.
    fn zero<const TILE: usize>(&mut self);

    /// Loads the rows of a register: row `r` from byte `r * stride` on.
    ///
    /// # Panics
    /// When `bytes` ends before the last row does.
    fn load<const TILE: usize>(&mut self, bytes: &[u8], stride: usize);

    /// Adds to each sum (r, c) of `SUMS` the products of row r of `ROWS`, signed bytes, with column c
    /// of `COLUMNS`, unsigned bytes: byte 4 q + i of the row with byte 4 c + i of row q.
    fn dot<const SUMS: usize, const ROWS: usize, const COLUMNS: usize>(&mut self);

    /// Stores the sums of a register of 16 rows of 64 bytes.
    fn store<const TILE: usize>(&mut self, out: &mut TileSums);
}

/// Proves that tile registers can be used.
pub(in crate::kernels) trait TileUnit: Copy {
    type Registers: TileRegisters;

    /// Configures this thread's registers, whose contents become zero. One set at a time: what was
    /// configured before must have been dropped.
    fn configure(self, config: &TileConfig) -> Self::Registers;
}

/// The tile registers that [`Kernels`](crate::kernels::Kernels) use.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernels) enum Tiles {
    None,
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Amx(Amx),
    #[cfg(test)]
    Emulated(Emulation),
}
