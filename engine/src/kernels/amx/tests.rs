//! The emulation against the definition, the check against faults, the instructions against the
//! emulation where the processor has them.

use super::check::{agree, agree_on};
use super::emulation::EmulatedRegisters;
use super::*;
use crate::Isa;
use crate::kernels::simd::best_isa;
use crate::kernels::tests::Random;

/// Products of random bytes in registers 6 (rows, `stride` bytes apart) and 4 (columns).
fn product(rows: &[u8], stride: usize, columns: &[u8], quads: u8) -> [[i32; TILE_ROWS]; TILE_ROWS] {
    let mut tiles = Emulation.configure(&TileConfig::products(quads));
    let mut sums = TileSums::ZERO;
    tiles.load::<6>(rows, stride);
    tiles.load::<4>(columns, 64);
    tiles.zero::<0>();
    tiles.dot::<0, 6, 4>();
    tiles.store::<0>(&mut sums);
    sums.0
}

#[test]
fn a_product_is_signed_rows_by_unsigned_columns() {
    let random = &mut Random::new(31);
    for (quads, stride) in [(8, 80), (4, 80), (16, 64), (8, 32)] {
        let rows: Vec<u8> = (0..16 * 80).map(|_| random.byte()).collect();
        let columns: Vec<u8> = (0..16 * 64).map(|_| random.byte()).collect();
        let sums = product(&rows, stride, &columns, quads);
        for (m, sums) in sums.iter().enumerate() {
            for (n, sum) in sums.iter().enumerate() {
                // Value k of a row by value k of a column: four values of a column lie together.
                let exact: i32 = (0..usize::from(quads) * 4)
                    .map(|k| {
                        let code = columns[k / 4 * 64 + n * 4 + k % 4];
                        i32::from(rows[m * stride + k].cast_signed()) * i32::from(code)
                    })
                    .sum();
                assert_eq!(*sum, exact, "{quads} quads, row {m}, column {n}");
            }
        }
    }
}

#[test]
fn extreme_products_are_exact() {
    let (rows, columns) = ([0x80; 16 * 64], [0xff; 16 * 64]);
    assert_eq!(
        product(&rows, 64, &columns, 16),
        [[-128 * 255 * 64; 16]; 16]
    );
    let rows = [0x7f; 16 * 64];
    assert_eq!(product(&rows, 64, &columns, 16), [[127 * 255 * 64; 16]; 16]);
}

#[test]
fn the_configuration_is_what_ldtilecfg_reads() {
    let config = TileConfig::products(8);
    assert_eq!((size_of_val(&config), align_of_val(&config)), (64, 64));
    let at = std::ptr::from_ref(&config).addr();
    let offset = |field: usize| field - at;
    // Byte 0 the palette, 1 the start row, 16 the bytes of rows, 48 the rows (SDM, LDTILECFG).
    assert_eq!(offset(std::ptr::from_ref(&config.palette).addr()), 0);
    assert_eq!(offset(std::ptr::from_ref(&config.start_row).addr()), 1);
    assert_eq!(offset(std::ptr::from_ref(&config.row_bytes).addr()), 16);
    assert_eq!(offset(std::ptr::from_ref(&config.rows).addr()), 48);
    assert_eq!(config.row_bytes[..8], [64, 64, 64, 64, 64, 64, 32, 32]);
    assert_eq!(config.rows[..8], [16, 16, 16, 16, 8, 8, 16, 16]);
}

#[test]
#[should_panic(expected = "16 rows of 32 bytes, 80 apart, in 1231 bytes")]
fn a_load_beyond_its_bytes_is_refused() {
    let mut tiles = Emulation.configure(&TileConfig::products(8));
    tiles.load::<6>(&[0; 15 * 80 + 31], 80);
}

#[test]
#[should_panic(expected = "fit each other")]
fn registers_of_other_shapes_are_refused() {
    let mut tiles = Emulation.configure(&TileConfig::products(8));
    tiles.dot::<0, 4, 6>();
}

/// Ways of being wrong that a machine might have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    ZeroDoesNothing,
    StrideOf64,
    ColumnsOf7Bits,
    RowsUnsigned,
    SumsSaturate,
    RegistersConfused,
    StoresTransposed,
}

struct Faulty {
    fault: Fault,
    registers: EmulatedRegisters,
}

impl TileUnit for Fault {
    type Registers = Faulty;
    fn configure(self, config: &TileConfig) -> Faulty {
        Faulty {
            fault: self,
            registers: Emulation.configure(config),
        }
    }
}

impl TileRegisters for Faulty {
    fn zero<const TILE: usize>(&mut self) {
        if self.fault != Fault::ZeroDoesNothing {
            self.registers.zero::<TILE>();
        }
    }

    fn load<const TILE: usize>(&mut self, bytes: &[u8], stride: usize) {
        let changed = |change: fn(&u8) -> u8| bytes.iter().map(change).collect::<Vec<u8>>();
        if self.fault == Fault::StrideOf64 {
            self.registers.load::<TILE>(bytes, 64);
        } else if self.fault == Fault::ColumnsOf7Bits && TILE < 6 {
            self.registers
                .load::<TILE>(&changed(|byte| byte & 0x7f), stride);
        } else if self.fault == Fault::RowsUnsigned && TILE >= 6 {
            // Half of an unsigned byte is a signed one.
            self.registers
                .load::<TILE>(&changed(|byte| byte >> 1), stride);
        } else {
            self.registers.load::<TILE>(bytes, stride);
        }
    }

    fn dot<const SUMS: usize, const ROWS: usize, const COLUMNS: usize>(&mut self) {
        if self.fault == Fault::RegistersConfused && ROWS == 7 {
            self.registers.dot::<SUMS, 6, COLUMNS>();
        } else {
            self.registers.dot::<SUMS, ROWS, COLUMNS>();
        }
    }

    fn store<const TILE: usize>(&mut self, out: &mut TileSums) {
        self.registers.store::<TILE>(out);
        if self.fault == Fault::StoresTransposed {
            let sums = out.0;
            for (m, out) in out.0.iter_mut().enumerate() {
                *out = std::array::from_fn(|n| sums[n][m]);
            }
        }
        if self.fault == Fault::SumsSaturate {
            for sum in out.0.as_flattened_mut() {
                *sum = (*sum).clamp(-(1 << 20), 1 << 20);
            }
        }
    }
}

#[test]
fn the_check_finds_a_machine_that_is_wrong() {
    assert!(agree(Fault::None, Emulation), "no fault, no complaint");
    for fault in [
        Fault::ZeroDoesNothing,
        Fault::StrideOf64,
        Fault::ColumnsOf7Bits,
        Fault::RowsUnsigned,
        Fault::SumsSaturate,
        Fault::RegistersConfused,
        Fault::StoresTransposed,
    ] {
        assert!(!agree(fault, Emulation), "{fault:?}");
    }
}

#[test]
fn instructions_equal_their_emulation() {
    match detect(best_isa()) {
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        Ok(Tiles::Amx(amx)) => {
            for seed in 0..500 {
                assert!(agree_on(amx, Emulation, seed), "operands {seed}");
            }
        }
        Ok(tiles) => panic!("detected {tiles:?}"),
        Err(AmxError::Differs) => panic!("{}", AmxError::Differs),
        Err(reason) => eprintln!("AMX was not tested: {reason}"),
    }
}

#[test]
fn vectors_below_avx512_have_no_tiles_beside_them() {
    for vectors in [Isa::Portable, Isa::Avx2] {
        assert_eq!(detect(vectors).unwrap_err(), AmxError::Missing);
    }
}
