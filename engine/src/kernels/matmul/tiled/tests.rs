//! Tiled products equal the others in every bit (E9), on emulated registers beside every instruction
//! set; on real ones too, by the tests of [`matmul`](super::super), where the processor has them.

mod fused;

use std::num::NonZeroUsize;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::super::{ActivationBits, MatmulInput, PackedMatrix, TensorBytes};
use super::TILED_ROWS;
use crate::Isa;
use crate::kernels::tests::{Random, isas, kernels, random_tensor};
use crate::kernels::{Format, Kernels};

const BITS: [ActivationBits; 2] = [ActivationBits::Eight, ActivationBits::Sixteen];

fn emulating(threads: usize, isa: Isa) -> Kernels {
    Kernels::emulating_tiles(NonZeroUsize::new(threads).unwrap(), isa).unwrap()
}

/// The bits of all outputs.
fn product(kernels: &Kernels, w: &PackedMatrix, x: &[f32], bits: ActivationBits) -> Vec<u32> {
    let mut input = MatmulInput::with_bits(bits);
    let rows = x.len() / w.cols();
    input.set(kernels, x, rows, w.cols());
    let mut out = vec![f32::NAN; rows * w.rows()];
    kernels.matmul(w, &input, &mut out);
    out.into_iter().map(f32::to_bits).collect()
}

/// A matrix of random weights for each format, stacked in the order of `formats`.
fn packed(random: &mut Random, formats: &[(Format, usize)], cols: usize) -> PackedMatrix {
    let bytes: Vec<Vec<u8>> = formats
        .iter()
        .map(|(format, rows)| random_tensor(random, *format, *rows, cols))
        .collect();
    let parts: Vec<TensorBytes<'_>> = (formats.iter().zip(&bytes))
        .map(|((format, rows), bytes)| TensorBytes {
            format: *format,
            rows: *rows,
            cols,
            bytes,
        })
        .collect();
    PackedMatrix::pack(&kernels(1, Isa::Portable), &parts).unwrap()
}

#[test]
fn every_format_equals_the_vector_kernels() {
    let random = &mut Random::new(41);
    let reference = kernels(1, Isa::Portable);
    let machines: Vec<Kernels> = isas().into_iter().map(|isa| emulating(2, isa)).collect();
    for format in Format::ALL {
        let all: Vec<usize> = (1..=70).collect();
        // 768 columns are a slab and a half.
        for (n, cols, counts) in [(19, 256, &all[..]), (16, 768, &[16, 31, 33, 63, 64, 70])] {
            let w = packed(random, &[(format, n)], cols);
            let x = random.normals(70 * cols);
            for bits in BITS {
                let expected = product(&reference, &w, &x, bits);
                for kernels in &machines {
                    for &rows in counts {
                        let out = product(kernels, &w, &x[..rows * cols], bits);
                        let same = out == expected[..rows * n];
                        assert!(same, "{format:?} {bits:?} {rows} x {cols} {kernels:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_row_alone_has_the_bits_that_it_has_in_a_batch() {
    let random = &mut Random::new(42);
    // Whole tiles of columns and pieces, of all formats in one matrix.
    let formats = Format::ALL.map(|format| (format, 5 + random.below(30)));
    let cols = 512;
    let w = packed(random, &formats, cols);
    let mut x = random.normals(64 * cols);
    // Rows of all sizes, of nothing, and of what must not touch its neighbours.
    x[3 * cols..4 * cols].fill(0.0);
    x[5 * cols] = f32::NAN;
    x[20 * cols + 7] = f32::INFINITY;
    x[21 * cols..22 * cols].iter_mut().for_each(|x| *x *= 1e30);
    x[40 * cols..41 * cols].fill(f32::MIN_POSITIVE / 4.0);
    for isa in isas() {
        for bits in BITS {
            let kernels = emulating(3, isa);
            let batch = product(&kernels, &w, &x, bits);
            let rows = x.chunks_exact(cols).zip(batch.chunks_exact(w.rows()));
            for (index, (x, batch)) in rows.enumerate() {
                let alone = product(&kernels, &w, x, bits);
                // Which NaN it is, is nobody's promise.
                let equal = (alone.iter().zip(batch)).all(|(a, b)| {
                    a == b || (f32::from_bits(*a).is_nan() && f32::from_bits(*b).is_nan())
                });
                assert!(equal, "{isa:?} {bits:?} row {index}");
                let finite = |y: &u32| f32::from_bits(*y).is_finite();
                match index {
                    5 | 20 => assert!(!batch.iter().any(finite), "row {index} is tainted"),
                    21 => {} // may overflow
                    _ => assert!(
                        batch.iter().all(finite),
                        "row {index} is nobody's neighbour"
                    ),
                }
            }
        }
    }
}

#[test]
fn any_shape_and_mix_of_formats_equals_the_vector_kernels() {
    let machines: Vec<_> = isas()
        .into_iter()
        .map(|isa| (kernels(1, isa), emulating(2, isa)))
        .collect();
    let shapes = (1..50usize, 1..40usize, 1..71usize, 0..4usize, any::<u64>());
    let config = Config {
        cases: 32,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&shapes, |(n, other, rows, groups, seed)| {
            let random = &mut Random::new(seed);
            let cols = (groups + 1) * 256;
            let formats = [
                (Format::ALL[(seed % 13) as usize], n),
                (Format::ALL[(seed / 13 % 13) as usize], other),
            ];
            let w = packed(random, &formats, cols);
            let x = random.normals(rows * cols);
            let bits = BITS[(seed >> 63) as usize];
            for (vectors, tiles) in &machines {
                let expected = product(vectors, &w, &x, bits);
                prop_assert_eq!(product(tiles, &w, &x, bits), expected);
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn odd_numbers_of_groups_are_taken_whole() {
    let random = &mut Random::new(43);
    let (vectors, tiles) = (
        kernels(1, Isa::Portable),
        emulating(1, isas()[isas().len() - 1]),
    );
    for groups in [1, 2, 3, 15, 16, 17, 31, 32, 33] {
        let cols = groups * 32;
        let w = packed(random, &[(Format::Q4_1, 16), (Format::Q5_0, 16)], cols);
        let x = random.normals(TILED_ROWS * cols);
        for bits in BITS {
            let same = product(&vectors, &w, &x, bits) == product(&tiles, &w, &x, bits);
            assert!(same, "{groups} groups {bits:?}");
        }
    }
}

#[test]
#[should_panic(expected = "row blocks of the activations and of the kernels")]
fn activations_of_other_kernels_are_refused() {
    let random = &mut Random::new(44);
    let w = packed(random, &[(Format::Q4_0, 16)], 32);
    let (vectors, tiles) = (kernels(1, Isa::Portable), emulating(1, Isa::Portable));
    let mut input = MatmulInput::new();
    input.set(&vectors, &random.normals(16 * 32), 16, 32);
    tiles.matmul(&w, &input, &mut vec![0.0; 16 * 16]);
}
