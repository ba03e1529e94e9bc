//! Every operation gives the same bits on every instruction set.

#![expect(clippy::float_cmp, reason = "widening is exact, and so is e^0")]

use super::*;
use crate::kernels::tests::{Random, isas};

/// Runs all float operations on some inputs and keeps the bits.
struct Operations<'a>(&'a [f32; LANES], &'a [f32; LANES], &'a [f32; LANES]);

impl Kernel for Operations<'_> {
    type Output = Vec<u32>;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Vec<u32> {
        let (a, b, c) = (s.load(self.0), s.load(self.1), s.load(self.2));
        let mut bits = Vec::new();
        for v in [
            s.add(a, b),
            s.sub(a, b),
            s.mul(a, b),
            s.div(a, b),
            s.mul_add(a, b, c),
            s.max(a, b),
            s.min(a, b),
            s.abs(a),
            s.first(5, a, b),
            s.first(16, a, b),
            s.to_f32(s.nearest(a)),
            s.pow2(s.nearest(c)),
            exp(s, a),
            s.splat(s.sum_lanes(a)),
            s.splat(s.max_lanes(a)),
        ] {
            let mut lanes = [0.0; LANES];
            s.store(v, &mut lanes);
            bits.extend(lanes.map(f32::to_bits));
            let mut halves = [0; LANES];
            s.store_f16(v, &mut halves);
            s.store(s.load_f16(&halves), &mut lanes);
            bits.extend(lanes.map(f32::to_bits));
            let bytes = s.min(s.max(v, s.splat(-127.0)), s.splat(127.0));
            let mut integers = [0; LANES];
            s.store_i8(s.nearest(bytes), &mut integers);
            s.store(s.load_i8(&integers), &mut lanes);
            bits.extend(lanes.map(f32::to_bits));
        }
        bits
    }
}

#[test]
fn operations_agree_in_every_bit() {
    let random = &mut Random::new(21);
    for round in 0..200 {
        let [a, b, c] = [(); 3].map(|()| {
            let mut lanes = [0.0; LANES];
            lanes.copy_from_slice(&random.normals(LANES));
            lanes.map(|x| x * [1.0, 30.0, 1e-5][round % 3])
        });
        let outputs = isas()
            .into_iter()
            .map(|isa| dispatch(isa, Operations(&a, &b, &c)));
        let outputs: Vec<_> = outputs.collect();
        for output in &outputs[1..] {
            assert_eq!(output, &outputs[0], "{a:?} {b:?} {c:?}");
        }
    }
}

struct Exp(f32);

impl Kernel for Exp {
    type Output = f32;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let mut lanes = [0.0; LANES];
        s.store(exp(s, s.splat(self.0)), &mut lanes);
        lanes[0]
    }
}

#[test]
fn exp_is_within_its_bound() {
    let mut worst = 0.0f64;
    for step in -86_999..88_000 {
        let x = step as f32 * 1e-3;
        let exact = f64::from(x).exp();
        worst = worst.max((f64::from(dispatch(best_isa(), Exp(x))) - exact).abs() / exact);
    }
    assert!(worst < 2e-7, "relative error {worst:e}");
    for (x, y) in [
        (-1e30, 1.646e-38),
        (f32::NEG_INFINITY, 1.646e-38),
        (1e30, 1.651e38),
    ] {
        let got = dispatch(best_isa(), Exp(x));
        assert!((got / y - 1.0).abs() < 1e-3, "e^{x} is bounded, not {got}");
    }
    assert_eq!(dispatch(best_isa(), Exp(0.0)), 1.0);
}

#[test]
fn bytes_are_loaded_and_stored_exactly() {
    struct Bytes(i8);
    impl Kernel for Bytes {
        type Output = ([f32; LANES], [i8; LANES]);
        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> Self::Output {
            let (mut floats, mut bytes) = ([0.0; LANES], [0; LANES]);
            let v = s.load_i8(&std::array::from_fn(|lane| {
                self.0.wrapping_add(i8::try_from(lane).unwrap())
            }));
            s.store(v, &mut floats);
            s.store_i8(s.nearest(v), &mut bytes);
            (floats, bytes)
        }
    }
    for first in i8::MIN..=i8::MAX {
        for isa in isas() {
            let (floats, bytes) = dispatch(isa, Bytes(first));
            for (lane, (float, byte)) in (0..).zip(floats.into_iter().zip(bytes)) {
                let expected = first.wrapping_add(lane);
                assert_eq!((float, byte), (f32::from(expected), expected), "{isa:?}");
            }
        }
    }
}

#[test]
fn halves_and_bfloats_widen_exactly() {
    struct Widen<'a>(&'a [u8; 32]);
    impl Kernel for Widen<'_> {
        type Output = [[f32; LANES]; 2];
        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> Self::Output {
            let mut out = [[0.0; LANES]; 2];
            s.store(s.load_f16_bytes(self.0), &mut out[0]);
            s.store(s.load_bf16_bytes(self.0), &mut out[1]);
            out
        }
    }
    for first in (0..=u16::MAX).step_by(LANES) {
        let mut bytes = [0; 32];
        for (bytes, bits) in bytes.chunks_exact_mut(2).zip(first..=first + 15) {
            bytes.copy_from_slice(&bits.to_le_bytes());
        }
        for isa in isas() {
            let [halves, bfloats] = dispatch(isa, Widen(&bytes));
            for (lane, bits) in (first..=first + 15).enumerate() {
                let (half, bfloat) = (half::f16::from_bits(bits), half::bf16::from_bits(bits));
                assert!(
                    half.is_nan() || halves[lane] == half.to_f32(),
                    "{isa:?} {bits:#x}"
                );
                assert!(
                    bfloat.is_nan() || bfloats[lane] == bfloat.to_f32(),
                    "{isa:?} {bits:#x}"
                );
            }
        }
    }
}
