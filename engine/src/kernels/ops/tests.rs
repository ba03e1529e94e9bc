//! Norm, rope, activation and sums against their formulas in f64, and bit-equality (E9).

#![expect(
    clippy::float_cmp,
    reason = "a sum of two numbers is exactly their rounded sum"
)]

use std::f64::consts::PI;

use super::*;
use crate::kernels::Kernels;
use crate::kernels::tests::{Random, isas, kernels};

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

#[test]
fn rms_norm_is_its_formula() {
    let random = &mut Random::new(31);
    for (rows, width) in [(1, 576), (70, 576), (3, 33), (5, 7)] {
        let (x, weight) = (random.normals(rows * width), random.normals(width));
        let out = on_all(|kernels| {
            let mut out = vec![0.0; x.len()];
            kernels.rms_norm(&x, &weight, 1e-5, &mut out);
            out
        });
        let exact = x.chunks_exact(width).flat_map(|x| {
            let squares: f64 = x.iter().map(|x| f64::from(*x).powi(2)).sum();
            let factor = 1.0 / (squares / width as f64 + 1e-5).sqrt();
            x.iter()
                .zip(&weight)
                .map(move |(x, w)| f64::from(*x) * factor * f64::from(*w))
        });
        assert_near(&out, exact.collect::<Vec<_>>(), 1e-6);
    }
}

#[test]
fn swiglu_is_its_formula() {
    let random = &mut Random::new(32);
    for (rows, ffn) in [(1, 1536), (40, 1536), (3, 21)] {
        let mut gate_up = random.normals(rows * 2 * ffn);
        gate_up[0] = 200.0;
        gate_up[1] = -200.0;
        let out = on_all(|kernels| {
            let mut out = vec![0.0; rows * ffn];
            kernels.swiglu(&gate_up, ffn, &mut out);
            out
        });
        let exact = gate_up.chunks_exact(2 * ffn).flat_map(|row| {
            let (gate, up) = row.split_at(ffn);
            gate.iter().zip(up).map(|(gate, up)| {
                let gate = f64::from(*gate);
                gate / (1.0 + (-gate).exp()) * f64::from(*up)
            })
        });
        assert_near(&out, exact.collect::<Vec<_>>(), 1e-6);
    }
}

#[test]
fn geglu_is_its_formula() {
    let random = &mut Random::new(35);
    for (rows, ffn) in [(1, 2048), (40, 2048), (3, 21)] {
        let mut gate_up = random.normals(rows * 2 * ffn);
        gate_up[..4].copy_from_slice(&[200.0, -200.0, 1e15, -1e15]);
        let out = on_all(|kernels| {
            let mut out = vec![0.0; rows * ffn];
            kernels.geglu(&gate_up, ffn, &mut out);
            out
        });
        let exact = gate_up.chunks_exact(2 * ffn).flat_map(|row| {
            let (gate, up) = row.split_at(ffn);
            gate.iter().zip(up).map(|(gate, up)| {
                let gate = f64::from(*gate);
                let inner = (2.0 / PI).sqrt() * (gate + 0.044_715 * gate.powi(3));
                0.5 * gate * (1.0 + inner.tanh()) * f64::from(*up)
            })
        });
        assert_near(&out, exact.collect::<Vec<_>>(), 2e-6);
    }
}

#[test]
fn sums_are_sums() {
    let random = &mut Random::new(33);
    let (rows, width) = (60, 577);
    let (x, y) = (random.normals(rows * width), random.normals(rows * width));
    let sum = on_all(|kernels| {
        let mut out = x.clone();
        kernels.add_assign(&mut out, &y);
        out
    });
    assert!(
        sum.iter()
            .zip(x.iter().zip(&y))
            .all(|(sum, (x, y))| *sum == x + y)
    );
    let biased = on_all(|kernels| {
        let mut out = x.clone();
        kernels.add_bias(&mut out, &y[..width]);
        out
    });
    for (out, x) in biased.chunks_exact(width).zip(x.chunks_exact(width)) {
        assert!(
            out.iter()
                .zip(x.iter().zip(&y))
                .all(|(out, (x, y))| *out == x + y)
        );
    }
    on_all(|kernels| {
        let mut nothing = [];
        kernels.add_assign(&mut nothing, &[]);
        nothing.to_vec()
    });
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
        let out = on_all(|kernels| {
            let mut out = x.clone();
            kernels.rope(&mut out, heads, head_dim, &positions, &table);
            out
        });
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
    kernels(1, crate::Isa::Portable).rope(&mut [0.0; 2], 1, 2, &[4], &table);
}
