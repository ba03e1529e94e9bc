//! A few products by two implementations, to see that they are the same.

use super::config::{TILE_ROWS, TileConfig, TileSums};
use super::unit::{TileRegisters, TileUnit};

/// Bytes between rows, as between the rows of activations; rows begin at all quarters of a cache line.
const STRIDE: usize = 80;

/// Whether two implementations give the same sums: all registers in use at once, all depths that
/// kernels use, extreme bytes among random ones.
pub(super) fn agree(one: impl TileUnit, other: impl TileUnit) -> bool {
    (0..8).all(|seed| agree_on(one, other, seed))
}

/// Whether they do on operands that `seed` chooses.
pub(super) fn agree_on(one: impl TileUnit, other: impl TileUnit, seed: u64) -> bool {
    let operands = Operands::new(seed);
    [4, 8, 16]
        .into_iter()
        .all(|quads| operands.products(one, quads) == operands.products(other, quads))
}

/// Bytes of rows and columns.
struct Operands {
    rows: [u8; TILE_ROWS * STRIDE + 64],
    columns: [[u8; 64]; 2 * TILE_ROWS],
}

impl Operands {
    fn new(seed: u64) -> Self {
        let mut state = seed;
        let mut next = move || {
            // Knuth's MMIX generator; the high bits are the random ones.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let [kind, byte, ..] = state.to_be_bytes();
            match kind & 7 {
                0 => 0x80, // the smallest signed byte
                1 => 0xff, // the largest unsigned one
                _ => byte,
            }
        };
        let mut operands = Self {
            rows: [0; TILE_ROWS * STRIDE + 64],
            columns: [[0; 64]; 2 * TILE_ROWS],
        };
        operands.rows.fill_with(&mut next);
        for columns in &mut operands.columns {
            columns.fill_with(&mut next);
        }
        // Whole rows and columns of extremes: the largest sums that there are.
        operands.rows[..STRIDE].fill(0x80);
        for columns in &mut operands.columns {
            columns[..4].fill(0xff);
        }
        operands
    }

    /// Four sums of products; the last of two products.
    fn products(&self, unit: impl TileUnit, quads: u8) -> [TileSums; 4] {
        let mut tiles = unit.configure(&TileConfig::products(quads));
        let columns = self.columns.as_flattened();
        tiles.load::<4>(columns, 64);
        tiles.load::<5>(&columns[TILE_ROWS * 64..], 64);
        tiles.load::<6>(&self.rows, STRIDE);
        tiles.load::<7>(&self.rows[16..], STRIDE);
        // What a register held before must not show.
        tiles.dot::<0, 6, 5>();
        tiles.zero::<0>();
        tiles.zero::<1>();
        tiles.zero::<2>();
        tiles.zero::<3>();
        tiles.dot::<0, 6, 4>();
        tiles.dot::<1, 7, 4>();
        tiles.dot::<2, 6, 5>();
        tiles.dot::<3, 7, 5>();
        tiles.dot::<3, 6, 4>();
        let mut sums = [const { TileSums::ZERO }; 4];
        let [first, second, third, fourth] = &mut sums;
        tiles.store::<0>(first);
        tiles.store::<1>(second);
        tiles.store::<2>(third);
        tiles.store::<3>(fourth);
        sums
    }
}
