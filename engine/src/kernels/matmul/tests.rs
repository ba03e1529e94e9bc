//! Products against the plain decoding and f64, and bit-equality (E9).

use std::num::NonZeroUsize;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::Isa;
use crate::kernels::tests::{Random, isas, kernels, random_tensor};
use crate::kernels::{Format, KernelError, Kernels, dequantise};

/// Values of the whole matrix by the plain decoding.
fn decoded(format: Format, bytes: &[u8], len: usize) -> Vec<f32> {
    let mut values = vec![0.0; len];
    dequantise(format, bytes, &mut values).unwrap();
    values
}

fn product(kernels: &Kernels, w: &PackedMatrix, x: &[f32], bits: ActivationBits) -> Vec<f32> {
    let mut input = MatmulInput::with_bits(bits);
    let rows = x.len() / w.cols();
    input.set(kernels, x, rows, w.cols());
    let mut out = vec![f32::NAN; rows * w.rows()];
    kernels.matmul(w, &input, &mut out);
    out
}

/// Largest error of `out` as a share of what is allowed: half a unit of each quantised activation
/// (none for float weights) against its weight, and the rounding of sums in f32.
fn worst_error(x: &[f32], w: &[f32], cols: usize, unit: f64, out: &[f32]) -> f64 {
    let n = w.len() / cols;
    let mut worst = 0.0f64;
    for (row, x) in x.chunks_exact(cols).enumerate() {
        for (j, w) in w.chunks_exact(cols).enumerate() {
            let largest = w
                .iter()
                .fold(0.0f64, |largest, w| largest.max(f64::from(w.abs())));
            let (mut exact, mut allowed) = (0.0, 1e-30);
            for (x, w) in x.chunks(32).zip(w.chunks(32)) {
                let step = unit
                    * x.iter()
                        .fold(0.0f64, |most, x| most.max(f64::from(x.abs())));
                for (x, w) in x.iter().zip(w) {
                    let (x, w) = (f64::from(*x), f64::from(*w));
                    exact += x * w;
                    allowed += 0.501 * step * w.abs() + 1e-6 * largest * x.abs();
                }
            }
            worst = worst.max((f64::from(out[row * n + j]) - exact).abs() / allowed);
        }
    }
    worst
}

/// What one unit is worth, as a share of the largest activation of a group.
fn unit(bits: ActivationBits) -> f64 {
    match bits {
        ActivationBits::Eight => 1.0 / 127.0,
        ActivationBits::Sixteen => 1.0 / 32_639.0,
    }
}

#[test]
fn every_format_multiplies_within_its_bound() {
    let random = &mut Random::new(1);
    for format in Format::ALL {
        let cols = if format.block_len() == 256 { 512 } else { 576 };
        for (n, rows) in [(16, 1), (37, 3), (5, 13)] {
            let bytes = random_tensor(random, format, n, cols);
            let w = decoded(format, &bytes, n * cols);
            let x = random.normals(rows * cols);
            for isa in isas() {
                let kernels = kernels(2, isa);
                let part = TensorBytes {
                    format,
                    rows: n,
                    cols,
                    bytes: &bytes,
                };
                let packed = PackedMatrix::pack(&kernels, &[part]).unwrap();
                for bits in [ActivationBits::Eight, ActivationBits::Sixteen] {
                    let unit = if format.is_float() { 0.0 } else { unit(bits) };
                    let out = product(&kernels, &packed, &x, bits);
                    let error = worst_error(&x, &w, cols, unit, &out);
                    assert!(
                        error < 1.0,
                        "{format:?} {isa:?} {bits:?} {n} x {rows}: {error}"
                    );
                }
            }
        }
    }
}

#[test]
fn rows_read_back_as_they_decode() {
    let random = &mut Random::new(2);
    let kernels = kernels(2, Isa::Portable);
    for format in Format::ALL {
        let (n, cols) = (21, 256);
        let bytes = random_tensor(random, format, n, cols);
        let w = decoded(format, &bytes, n * cols);
        let part = TensorBytes {
            format,
            rows: n,
            cols,
            bytes: &bytes,
        };
        let packed = PackedMatrix::pack(&kernels, &[part, part]).unwrap();
        assert_eq!((packed.rows(), packed.cols()), (2 * n, cols));
        let mut row = vec![0.0; cols];
        for index in 0..2 * n {
            packed.row(index, &mut row);
            assert_eq!(row, w[index % n * cols..][..cols], "{format:?} row {index}");
        }
    }
}

#[test]
fn rows_threads_and_instructions_change_no_bit() {
    let random = &mut Random::new(3);
    let (n, cols, most) = (40, 256, 40);
    let machines: Vec<Kernels> = isas()
        .into_iter()
        .flat_map(|isa| (1..=3).map(move |threads| kernels(threads, isa)))
        .collect();
    for format in [
        Format::Q4_1,
        Format::Q8_0,
        Format::Q4K,
        Format::Q6K,
        Format::Q2K,
        Format::F16,
    ] {
        let bytes = random_tensor(random, format, n, cols);
        let x = random.normals(most * cols);
        let part = TensorBytes {
            format,
            rows: n,
            cols,
            bytes: &bytes,
        };
        for bits in [ActivationBits::Eight, ActivationBits::Sixteen] {
            let reference = kernels(1, Isa::Portable);
            let packed = PackedMatrix::pack(&reference, &[part]).unwrap();
            let alone: Vec<u32> = (x.chunks_exact(cols))
                .flat_map(|x| product(&reference, &packed, x, bits))
                .map(f32::to_bits)
                .collect();
            for kernels in &machines {
                for rows in 1..=most {
                    let out = product(kernels, &packed, &x[..rows * cols], bits);
                    let out: Vec<u32> = out.into_iter().map(f32::to_bits).collect();
                    assert_eq!(
                        out,
                        alone[..rows * n],
                        "{format:?} {bits:?} {rows} {kernels:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn any_shape_and_mix_of_formats_equals_portable() {
    let kernels: Vec<Kernels> = isas().into_iter().map(|isa| kernels(2, isa)).collect();
    let shapes = (1..80usize, 1..40usize, 1..20usize, 0..8usize, any::<u64>());
    let config = Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&shapes, |(n, other, rows, groups, seed)| {
            let random = &mut Random::new(seed);
            let cols = (groups + 1) * 96;
            let first = Format::ALL[(seed % 8) as usize];
            let second = Format::ALL[(seed / 8 % 8) as usize];
            let bytes = [
                random_tensor(random, first, n, cols),
                random_tensor(random, second, other, cols),
            ];
            let parts = [
                TensorBytes {
                    format: first,
                    rows: n,
                    cols,
                    bytes: &bytes[0],
                },
                TensorBytes {
                    format: second,
                    rows: other,
                    cols,
                    bytes: &bytes[1],
                },
            ];
            let x = random.normals(rows * cols);
            let mut w = decoded(first, &bytes[0], n * cols);
            w.extend(decoded(second, &bytes[1], other * cols));
            let mut outputs = kernels.iter().map(|kernels| {
                let packed = PackedMatrix::pack(kernels, &parts).unwrap();
                product(kernels, &packed, &x, ActivationBits::Sixteen)
            });
            let reference = outputs.next().unwrap();
            let unit = unit(ActivationBits::Sixteen);
            prop_assert!(worst_error(&x, &w, cols, unit, &reference) < 1.0);
            for out in outputs {
                prop_assert_eq!(&out, &reference);
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn float_rows_need_not_be_whole_groups() {
    let random = &mut Random::new(4);
    for cols in [1, 7, 33, 50] {
        let (n, rows) = (19, 5);
        let bytes = random_tensor(random, Format::Bf16, n, cols);
        let w = decoded(Format::Bf16, &bytes, n * cols);
        let x = random.normals(rows * cols);
        for isa in isas() {
            let kernels = kernels(1, isa);
            let part = TensorBytes {
                format: Format::Bf16,
                rows: n,
                cols,
                bytes: &bytes,
            };
            let packed = PackedMatrix::pack(&kernels, &[part]).unwrap();
            let out = product(&kernels, &packed, &x, ActivationBits::Eight);
            assert!(worst_error(&x, &w, cols, 0.0, &out) < 1.0, "{cols} columns");
        }
    }
}

#[test]
fn extreme_activations_stay_in_their_row() {
    let random = &mut Random::new(5);
    let (n, cols) = (20, 64);
    let bytes = random_tensor(random, Format::Q8_0, n, cols);
    for isa in isas() {
        let kernels = kernels(1, isa);
        let part = TensorBytes {
            format: Format::Q8_0,
            rows: n,
            cols,
            bytes: &bytes,
        };
        let packed = PackedMatrix::pack(&kernels, &[part]).unwrap();
        let mut x = random.normals(5 * cols);
        x[3] = f32::NAN;
        x[2 * cols + 40] = f32::INFINITY;
        x[3 * cols..4 * cols].fill(0.0);
        x[4 * cols..].fill(f32::MIN_POSITIVE / 4.0);
        let out = product(&kernels, &packed, &x, ActivationBits::Sixteen);
        let row = |row: usize| &out[row * n..(row + 1) * n];
        assert!(row(0).iter().all(|y| y.is_nan()), "a NaN is seen");
        assert!(row(1).iter().all(|y| y.is_finite()));
        assert!(row(2).iter().all(|y| !y.is_finite()), "an infinity is seen");
        assert!(row(3).iter().all(|y| *y == 0.0), "zeros give zeros");
        assert!(
            row(4).iter().all(|y| y.abs() < 1e-30),
            "the smallest numbers give next to nothing"
        );
    }
}

#[test]
fn tensors_that_lie_are_refused() {
    let kernels = kernels(1, Isa::Portable);
    let bytes = vec![0; 18 * 2];
    let part = TensorBytes {
        format: Format::Q4_0,
        rows: 2,
        cols: 32,
        bytes: &bytes,
    };
    let pack = |parts: &[TensorBytes<'_>]| PackedMatrix::pack(&kernels, parts).unwrap_err();
    assert_eq!(
        pack(&[]),
        KernelError::Empty {
            part: 0,
            rows: 0,
            cols: 0
        }
    );
    assert_eq!(
        pack(&[part, TensorBytes { rows: 0, ..part }]),
        KernelError::Empty {
            part: 1,
            rows: 0,
            cols: 32
        }
    );
    assert_eq!(
        pack(&[part, TensorBytes { cols: 64, ..part }]),
        KernelError::ColsDiffer {
            part: 1,
            cols: 64,
            expected: 32
        }
    );
    assert_eq!(
        pack(&[TensorBytes { cols: 33, ..part }]),
        KernelError::NotWholeBlocks {
            format: "Q4_0",
            len: 33,
            block_len: 32
        }
    );
    assert_eq!(
        pack(&[TensorBytes { rows: 3, ..part }]),
        KernelError::WrongLength {
            format: "Q4_0",
            values: 96,
            expected: 54,
            actual: 36
        }
    );
    assert_eq!(
        pack(&[TensorBytes {
            rows: usize::MAX / 2,
            ..part
        }]),
        KernelError::TooLarge {
            format: "Q4_0",
            rows: usize::MAX / 2,
            cols: 32
        }
    );
}

#[test]
fn packed_weights_take_little_more_than_their_file() {
    let random = &mut Random::new(6);
    let kernels = kernels(1, Isa::Portable);
    for (format, most) in [
        (Format::Q4_1, 1.01),
        (Format::Q8_0, 1.01),
        (Format::Q4K, 1.34),
    ] {
        let bytes = random_tensor(random, format, 64, 768);
        let part = TensorBytes {
            format,
            rows: 64,
            cols: 768,
            bytes: &bytes,
        };
        let packed = PackedMatrix::pack(&kernels, &[part]).unwrap();
        let ratio = packed.memory_bytes() as f64 / bytes.len() as f64;
        assert!((1.0..most).contains(&ratio), "{format:?}: {ratio}");
    }
}

#[test]
fn forced_instructions_are_used_or_refused() {
    for isa in [Isa::Portable, Isa::Avx2, Isa::Avx512Vnni, Isa::Amx] {
        match Kernels::new(NonZeroUsize::MIN, Some(isa)) {
            Ok(kernels) => assert_eq!(kernels.isa(), isa),
            // The processor has it, and its operating system does not let it be used.
            Err(KernelError::Amx { .. }) => assert_eq!(isa, Isa::Amx),
            Err(error) => {
                assert_eq!(
                    error,
                    KernelError::IsaMissing {
                        wanted: isa,
                        best: isas()[isas().len() - 1]
                    }
                );
            }
        }
    }
}
