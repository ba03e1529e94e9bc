//! The tile instructions in plain Rust, after the operations that Intel's manual gives. What the
//! processor would refuse with an exception is refused with a panic.

use super::config::{ROW_BYTES, TILE_ROWS, TILES, TileConfig, TileSums};
use super::unit::{TileRegisters, TileUnit};

/// Tile registers in memory.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernels) struct Emulation;

impl TileUnit for Emulation {
    type Registers = EmulatedRegisters;

    fn configure(self, config: &TileConfig) -> EmulatedRegisters {
        assert_eq!(config.palette, 1, "palette");
        assert_eq!(config.start_row, 0, "start row");
        assert_eq!(config.reserved, [0; 14], "reserved bytes");
        for tile in 0..config.rows.len() {
            let (rows, row_bytes) = config.shape(tile);
            assert!(
                rows <= TILE_ROWS && row_bytes <= ROW_BYTES,
                "tile {tile} of {rows} x {row_bytes} bytes"
            );
            assert_eq!(rows == 0, row_bytes == 0, "tile {tile} is half a tile");
            assert!(tile < TILES || rows == 0, "there is no tile {tile}");
        }
        EmulatedRegisters {
            config: *config,
            tiles: [[[0; ROW_BYTES]; TILE_ROWS]; TILES],
        }
    }
}

/// Configured registers.
#[derive(Debug)]
pub(in crate::kernels) struct EmulatedRegisters {
    config: TileConfig,
    tiles: [[[u8; ROW_BYTES]; TILE_ROWS]; TILES],
}

impl TileRegisters for EmulatedRegisters {
    /// `TILEZERO`
    fn zero<const TILE: usize>(&mut self) {
        assert!(self.config.rows[TILE] > 0, "tile {TILE} is not configured");
        self.tiles[TILE] = [[0; ROW_BYTES]; TILE_ROWS];
    }

    /// `TILELOADD`: what lies behind a row or below the last one becomes zero.
    fn load<const TILE: usize>(&mut self, bytes: &[u8], stride: usize) {
        self.config.assert_holds(TILE, bytes, stride);
        self.zero::<TILE>();
        let (rows, row_bytes) = self.config.shape(TILE);
        for (row, out) in self.tiles[TILE][..rows].iter_mut().enumerate() {
            out[..row_bytes].copy_from_slice(&bytes[row * stride..][..row_bytes]);
        }
    }

    /// `TDPBSUD`: quads of bytes, signed by unsigned, added without saturation.
    fn dot<const SUMS: usize, const ROWS: usize, const COLUMNS: usize>(&mut self) {
        assert!(
            SUMS != ROWS && SUMS != COLUMNS && ROWS != COLUMNS,
            "tiles {SUMS}, {ROWS} and {COLUMNS} of a product are the same"
        );
        let [sums, rows, columns] = [SUMS, ROWS, COLUMNS].map(|tile| self.config.shape(tile));
        assert!(rows.1 % 4 == 0 && columns.1 % 4 == 0, "rows of whole quads");
        assert_eq!(
            (sums, rows.1 / 4),
            ((rows.0, columns.1), columns.0),
            "tiles {SUMS}, {ROWS} and {COLUMNS} of a product fit each other"
        );
        for m in 0..sums.0 {
            for k in 0..rows.1 / 4 {
                for n in 0..sums.1 / 4 {
                    let mut sum = i32::from_le_bytes(quad(&self.tiles[SUMS][m], n));
                    let a = quad(&self.tiles[ROWS][m], k);
                    let b = quad(&self.tiles[COLUMNS][k], n);
                    for (a, b) in a.into_iter().zip(b) {
                        sum = sum.wrapping_add(i32::from(a.cast_signed()) * i32::from(b));
                    }
                    self.tiles[SUMS][m][n * 4..][..4].copy_from_slice(&sum.to_le_bytes());
                }
            }
        }
    }

    /// `TILESTORED`
    fn store<const TILE: usize>(&mut self, out: &mut TileSums) {
        assert_eq!(
            self.config.shape(TILE),
            (TILE_ROWS, ROW_BYTES),
            "tile {TILE} has no sums"
        );
        for (row, out) in self.tiles[TILE].iter().zip(&mut out.0) {
            for (n, out) in out.iter_mut().enumerate() {
                *out = i32::from_le_bytes(quad(row, n));
            }
        }
    }
}

/// Bytes 4 `index` to 4 `index` + 3 of a row.
fn quad(row: &[u8; ROW_BYTES], index: usize) -> [u8; 4] {
    row.as_chunks().0[index]
}
