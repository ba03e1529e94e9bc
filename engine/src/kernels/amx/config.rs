//! Shapes of the tile registers, in the form that `ldtilecfg` reads.

/// Rows of a tile register, and sums in a row.
pub(in crate::kernels) const TILE_ROWS: usize = 16;
/// Bytes of a row at most.
pub(super) const ROW_BYTES: usize = 64;
/// Tile registers.
pub(super) const TILES: usize = 8;

/// The operand of `ldtilecfg`: rows, and bytes in a row, of each tile register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub(in crate::kernels) struct TileConfig {
    /// 1: eight registers of up to 16 x 64 bytes.
    pub(super) palette: u8,
    /// Where an interrupted load or store goes on; 0 at first.
    pub(super) start_row: u8,
    pub(super) reserved: [u8; 14],
    /// Bytes in a row, for 16 registers of which there are eight.
    pub(super) row_bytes: [u16; 16],
    /// Rows, likewise.
    pub(super) rows: [u8; 16],
}

impl TileConfig {
    /// For products of 16 rows by 16 columns over `quads` x 4 values: registers 0 to 3 are sums, 4
    /// and 5 the columns' values (a row has one quad of each column), 6 and 7 the rows' values.
    pub(in crate::kernels) fn products(quads: u8) -> Self {
        let mut config = Self {
            palette: 1,
            start_row: 0,
            reserved: [0; 14],
            row_bytes: [0; 16],
            rows: [0; 16],
        };
        config.rows[..TILES].copy_from_slice(&[16, 16, 16, 16, quads, quads, 16, 16]);
        config.row_bytes[..6].fill(64);
        config.row_bytes[6..TILES].fill(u16::from(quads) * 4);
        config
    }

    /// Rows of register `tile` and bytes in each.
    #[inline(always)]
    pub(super) fn shape(&self, tile: usize) -> (usize, usize) {
        (
            usize::from(self.rows[tile]),
            usize::from(self.row_bytes[tile]),
        )
    }

    /// Panics when `bytes` has not all rows of register `tile`, `stride` bytes apart.
    #[inline(always)]
    pub(super) fn assert_holds(&self, tile: usize, bytes: &[u8], stride: usize) {
        let (rows, row_bytes) = self.shape(tile);
        assert!(
            (rows.saturating_sub(1)) * stride + row_bytes <= bytes.len(),
            "{rows} rows of {row_bytes} bytes, {stride} apart, in {} bytes",
            bytes.len()
        );
    }
}

/// Sums of a product: a row for each row, a lane for each column. Rows begin at cache lines.
#[derive(Debug, Clone, PartialEq, Eq)]
#[repr(C, align(64))]
pub(in crate::kernels) struct TileSums(pub(in crate::kernels) [[i32; TILE_ROWS]; TILE_ROWS]);

impl TileSums {
    pub(in crate::kernels) const ZERO: Self = Self([[0; TILE_ROWS]; TILE_ROWS]);
}
