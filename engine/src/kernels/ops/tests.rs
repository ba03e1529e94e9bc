//! Norm, rope, activation and sums against their formulas in f64, and bit-equality (E9). What is
//! computed on the way into a product is read back from the floats of its input.

#![expect(
    clippy::float_cmp,
    reason = "a sum of two numbers is exactly their rounded sum"
)]

use std::f64::consts::PI;

use super::*;
use crate::kernels::tests::{Random, isas, kernels, random_tensor};
use crate::kernels::{
    ActivationBits, Format, InputRows, Kernels, MatmulInput, PackedMatrix, TensorBytes,
};

/// Calls `run` with one thread of plain Rust, then with everything else there is, and compares.
fn on_all(run: impl Fn(&Kernels) -> Vec<f32>) -> Vec<f32> {
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    let reference = run(&kernels(1, crate::Isa::Portable));
    for isa in isas() {
        for threads in 1..=3 {
            let out = run(&kernels(threads, isa));
            assert_eq!(bits(&out), bits(&reference), "{isa:?}, {threads} threads");
        }
    }
    reference
}

fn assert_near(ours: &[f32], exact: impl IntoIterator<Item = f64>, tolerance: f64) {
    let mut exact = exact.into_iter();
    for (index, ours) in ours.iter().enumerate() {
        let exact = exact.next().unwrap();
        let error = (f64::from(*ours) - exact).abs();
        assert!(
            error <= tolerance * exact.abs().max(1e-3),
            "{index}: {ours} for {exact}"
        );
    }
    assert!(exact.next().is_none());
}

/// Rows of `cols` values as a matrix of floats reads them.
fn filled(kernels: &Kernels, cols: usize, rows: InputRows<'_>) -> Vec<f32> {
    let bytes = vec![0; 4 * cols];
    let part = TensorBytes {
        format: Format::F32,
        rows: 1,
        cols,
        bytes: &bytes,
    };
    let weight = PackedMatrix::pack(kernels, &[part]).unwrap();
    let mut input = MatmulInput::new();
    input.fill(kernels, &weight, rows);
    input.all_floats().to_vec()
}

fn norm(x: &[f64], weight: &[f32]) -> Vec<f64> {
    let squares: f64 = x.iter().map(|x| x * x).sum();
    let factor = 1.0 / (squares / x.len() as f64 + 1e-5).sqrt();
    let normed = x
        .iter()
        .zip(weight)
        .map(|(x, w)| x * factor * f64::from(*w));
    normed.collect()
}

#[test]
fn what_is_added_and_normed_is_its_formula() {
    let random = &mut Random::new(31);
    for (rows, width) in [(1, 576), (70, 576), (3, 33), (5, 7)] {
        let (x, y) = (random.normals(rows * width), random.normals(rows * width));
        let (weight, after) = (random.normals(width), random.normals(width));
        for (added, norm_after) in [(false, false), (true, false), (true, true)] {
            // The stream follows what is normed.
            let out = on_all(|kernels| {
                let mut stream = x.clone();
                let rows = NormedRows {
                    stream: &mut stream,
                    added: added.then_some(AddedRows {
                        rows: &y,
                        norm: norm_after.then_some(&after),
                    }),
                    weight: &weight,
                    eps: 1e-5,
                };
                let mut out = filled(kernels, width, InputRows::Normed(rows));
                out.extend(stream);
                out
            });
            let (mut normed, mut stream) = (Vec::new(), Vec::new());
            for (x, y) in x.chunks_exact(width).zip(y.chunks_exact(width)) {
                let y: Vec<f64> = y.iter().map(|y| f64::from(*y)).collect();
                let y = if norm_after { norm(&y, &after) } else { y };
                let times = f64::from(u8::from(added));
                let sum: Vec<f64> = (x.iter().zip(&y))
                    .map(|(x, y)| f64::from(*x) + times * y)
                    .collect();
                normed.extend(norm(&sum, &weight));
                stream.extend(sum);
            }
            // Of a sum that is nearly zero little more than its terms' rounding is left.
            for (out, exact) in out.iter().zip(normed.into_iter().chain(stream)) {
                let error = (f64::from(*out) - exact).abs();
                assert!(error <= 1e-5 * exact.abs().max(1.0), "{out} for {exact}");
            }
        }
    }
}

/// The product of rows that are computed on the way in, and of the same rows from memory.
#[test]
fn fused_rows_multiply_as_rows_from_memory_do() {
    let random = &mut Random::new(36);
    let (n, cols) = (20, 96);
    for rows in [1, 3, 8, 29, 200] {
        let (x, y) = (random.normals(rows * cols), random.normals(rows * cols));
        let gate_up = random.normals(rows * 2 * cols);
        let weight = random.normals(cols);
        let formats = [Format::Q4_0, Format::F16];
        let bytes = formats.map(|format| random_tensor(random, format, n, cols));
        for bits in [ActivationBits::Eight, ActivationBits::Sixteen] {
            on_all(|kernels| {
                let parts = [0, 1].map(|i| TensorBytes {
                    format: formats[i],
                    rows: n,
                    cols,
                    bytes: &bytes[i],
                });
                let mut outputs = Vec::new();
                // Quantised, floats, and both in one matrix.
                for parts in [&parts[..1], &parts[1..], &parts[..]] {
                    let matrix = PackedMatrix::pack(kernels, parts).unwrap();
                    let mut stream = x.clone();
                    let gate = Gate::GeluTanh;
                    let sources = [
                        InputRows::Plain(&x),
                        InputRows::Gated(GatedRows {
                            gate_up: &gate_up,
                            gate,
                        }),
                        InputRows::Normed(NormedRows {
                            stream: &mut stream,
                            added: Some(AddedRows {
                                rows: &y,
                                norm: None,
                            }),
                            weight: &weight,
                            eps: 1e-6,
                        }),
                    ];
                    for source in sources {
                        let again = match &source {
                            InputRows::Plain(x) => InputRows::Plain(x),
                            InputRows::Gated(rows) => InputRows::Gated(*rows),
                            InputRows::Normed(rows) => InputRows::Normed(NormedRows {
                                stream: &mut rows.stream.to_vec(),
                                ..*rows
                            }),
                        };
                        let memory = filled(kernels, cols, again);
                        let mut input = MatmulInput::with_bits(bits);
                        input.fill(kernels, &matrix, source);
                        let mut out = vec![0.0; rows * matrix.rows()];
                        kernels.matmul(&matrix, &input, &mut out);
                        let mut plain = vec![0.0; out.len()];
                        input.set(kernels, &memory, rows, cols);
                        kernels.matmul(&matrix, &input, &mut plain);
                        assert_eq!(out, plain, "{rows} rows");
                        outputs.extend(out);
                    }
                }
                outputs
            });
        }
    }
}

#[test]
#[should_panic(expected = "in the forms that the matrix reads")]
fn rows_for_floats_are_refused_by_quantised_weights() {
    let kernels = kernels(1, crate::Isa::Portable);
    let bytes = [0; 128];
    let matrix = |format, rows, bytes| {
        let cols = 32;
        let part = TensorBytes {
            format,
            rows,
            cols,
            bytes,
        };
        PackedMatrix::pack(&kernels, &[part]).unwrap()
    };
    let mut input = MatmulInput::new();
    let floats = matrix(Format::F32, 1, &bytes[..]);
    input.fill(&kernels, &floats, InputRows::Plain(&[0.0; 32]));
    let quantised = matrix(Format::Q4_0, 1, &bytes[..18]);
    kernels.matmul(&quantised, &input, &mut [0.0]);
}

#[test]
fn gates_are_their_formulas() {
    let random = &mut Random::new(32);
    for (rows, ffn) in [(1, 1536), (40, 1536), (3, 21)] {
        let mut gate_up = random.normals(rows * 2 * ffn);
        gate_up[..4].copy_from_slice(&[200.0, -200.0, 80.0, -80.0]);
        for gate in [Gate::Silu, Gate::GeluTanh] {
            let gate_up = &gate_up;
            let out = on_all(|kernels| {
                filled(kernels, ffn, InputRows::Gated(GatedRows { gate_up, gate }))
            });
            let exact = gate_up.chunks_exact(2 * ffn).flat_map(|row| {
                let (gates, ups) = row.split_at(ffn);
                gates.iter().zip(ups).map(move |(g, up)| {
                    let g = f64::from(*g);
                    let inner = (2.0 / PI).sqrt() * (g + 0.044_715 * g.powi(3));
                    let open = match gate {
                        Gate::Silu => g / (1.0 + (-g).exp()),
                        Gate::GeluTanh => 0.5 * g * (1.0 + inner.tanh()),
                    };
                    open * f64::from(*up)
                })
            });
            assert_near(&out, exact.collect::<Vec<_>>(), 2e-6);
        }
    }
}

#[test]
fn biases_are_added_to_each_row() {
    let random = &mut Random::new(33);
    let (rows, width) = (60, 577);
    let (x, y) = (random.normals(rows * width), random.normals(width));
    let biased = on_all(|kernels| {
        let mut out = x.clone();
        kernels.add_bias(&mut out, &y);
        out
    });
    for (out, x) in biased.chunks_exact(width).zip(x.chunks_exact(width)) {
        assert!(
            out.iter()
                .zip(x.iter().zip(&y))
                .all(|(out, (x, y))| *out == x + y)
        );
    }
}

#[test]
fn rope_turns_as_its_formula_says() {
    let random = &mut Random::new(34);
    let (heads, head_dim) = (3, 64);
    for (pairs, style) in [
        (32, RopeStyle::Interleaved),
        (32, RopeStyle::Halves),
        (10, RopeStyle::Interleaved), // partial: the rest of a head stays
        (10, RopeStyle::Halves),
    ] {
        let inv_freq: Vec<f32> = (0..pairs)
            .map(|i| 10_000f32.powf(-(i as f32) / pairs as f32))
            .collect();
        let mut table = RopeTable::new(&inv_freq, 1.25, style, 100);
        assert_eq!(table.positions(), 100);
        table.reach(99);
        assert_eq!(table.positions(), 100);
        table.reach(8119);
        assert_eq!(table.positions(), 8128);
        let positions: Vec<u32> = (0..100).map(|i| i * 82).collect();
        let x = random.normals(positions.len() * heads * head_dim);
        let mut out = x.clone();
        for (row, position) in out.chunks_exact_mut(heads * head_dim).zip(&positions) {
            table.turn(row, head_dim, *position);
        }
        for (index, out) in out.chunks_exact(head_dim).enumerate() {
            let x = &x[index * head_dim..][..head_dim];
            let position = positions[index / heads];
            for (pair, frequency) in inv_freq.iter().enumerate() {
                let (a, b) = match style {
                    RopeStyle::Interleaved => (2 * pair, 2 * pair + 1),
                    RopeStyle::Halves => (pair, pair + pairs),
                };
                let angle = f64::from(position as f32 * frequency);
                let (sin, cos) = (1.25 * angle.sin(), 1.25 * angle.cos());
                let (xa, xb) = (f64::from(x[a]), f64::from(x[b]));
                let size = (xa.abs() + xb.abs()) * 3e-7;
                assert!((f64::from(out[a]) - (xa * cos - xb * sin)).abs() <= size);
                assert!((f64::from(out[b]) - (xb * cos + xa * sin)).abs() <= size);
            }
            assert_eq!(out[2 * pairs..], x[2 * pairs..]);
        }
    }
}

#[test]
#[should_panic(expected = "range end")]
fn a_position_beyond_the_table_is_refused() {
    let table = RopeTable::new(&[1.0], 1.0, RopeStyle::Halves, 4);
    table.turn(&mut [0.0; 2], 2, 4);
}
