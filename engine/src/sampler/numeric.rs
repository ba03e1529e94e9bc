//! Passes over a row of logits: maximum, exponentials, sums. Written in fixed lanes, so that the
//! compiler can use vector registers and the result is the same on every instruction set.

use std::f32::consts::LOG2_E;

use crate::kernels::{PlainLoop, widest};

/// Values worked on side by side.
const LANES: usize = 16;
/// Values of which only the maximum is looked at before the values themselves.
pub(super) const BLOCK: usize = 256;
/// Below this the exponential is taken as 0: `exp(-87)` is about the smallest normal `f32`.
const EXP_MIN: f32 = -87.0;

/// The largest value; NaN is passed over; negative infinity when there is none.
pub(super) fn max(row: &[f32]) -> f32 {
    widest(Max(row))
}

/// Index of the largest value, the lowest among equals; `None` when every value is NaN or negative
/// infinity. One pass, and a second look at one block.
pub(crate) fn argmax(row: &[f32]) -> Option<usize> {
    let (best, start) = widest(MaxBlock(row))?;
    #[expect(
        clippy::float_cmp,
        reason = "the maximum is one of the values themselves"
    )]
    let offset = row[start..].iter().position(|&x| x == best)?;
    Some(start + offset)
}

/// Replaces each logit by `exp((logit - max) / temperature)`, so that the likeliest becomes 1. NaN
/// becomes 0. With a maximum of positive infinity, infinities become 1 and all else 0.
pub(super) fn weights(row: &mut [f32], max: f32, temperature: f32) {
    if max == f32::INFINITY {
        for x in row {
            *x = if *x == f32::INFINITY { 1.0 } else { 0.0 };
        }
        return;
    }
    widest(Weights {
        row,
        max,
        temperature,
    });
}

/// The sum of `exp(logit - max)` over the row, with the same rules as [`weights`].
pub(super) fn sum_exp(row: &[f32], max: f32) -> f64 {
    if max == f32::INFINITY {
        return widest(Sum(row, |x| if x == f32::INFINITY { 1.0 } else { 0.0 }));
    }
    widest(Sum(row, move |x| exp(x - max)))
}

/// The sum of all values.
pub(super) fn sum(row: &[f32]) -> f64 {
    widest(Sum(row, |x| x))
}

/// The sum of the values that are at least `floor`.
pub(super) fn sum_from(row: &[f32], floor: f32) -> f64 {
    widest(Sum(row, move |x| if x >= floor { x } else { 0.0 }))
}

/// [`max`].
struct Max<'a>(&'a [f32]);

impl PlainLoop for Max<'_> {
    type Output = f32;
    #[inline(always)]
    fn run(self) -> f32 {
        largest(self.0)
    }
}

/// The largest value and where the first block that has it begins.
struct MaxBlock<'a>(&'a [f32]);

impl PlainLoop for MaxBlock<'_> {
    type Output = Option<(f32, usize)>;
    #[inline(always)]
    fn run(self) -> Option<(f32, usize)> {
        let mut best = f32::NEG_INFINITY;
        let mut start = None;
        for (i, block) in self.0.chunks(BLOCK).enumerate() {
            let top = largest(block);
            if top > best {
                best = top;
                start = Some(i * BLOCK);
            }
        }
        start.map(|start| (best, start))
    }
}

/// [`weights`], where the largest is finite.
struct Weights<'a> {
    row: &'a mut [f32],
    max: f32,
    temperature: f32,
}

impl PlainLoop for Weights<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for x in self.row {
            *x = exp((*x - self.max) / self.temperature);
        }
    }
}

/// The sum of a function of the values, always added in the same order: within a block side by side
/// in single precision, over the blocks in double.
struct Sum<'a, F: Fn(f32) -> f32>(&'a [f32], F);

impl<F: Fn(f32) -> f32> PlainLoop for Sum<'_, F> {
    type Output = f64;
    #[inline(always)]
    fn run(self) -> f64 {
        let Self(row, value) = self;
        let mut total = 0.0;
        for block in row.chunks(BLOCK) {
            let mut lanes = [0.0_f32; LANES];
            let (chunks, rest) = block.as_chunks::<LANES>();
            for chunk in chunks {
                for (lane, &x) in lanes.iter_mut().zip(chunk) {
                    *lane += value(x);
                }
            }
            for (lane, &x) in lanes.iter_mut().zip(rest) {
                *lane += value(x);
            }
            total += lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>();
        }
        total
    }
}

#[inline(always)]
fn largest(row: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            // A comparison with NaN is false, so NaN never enters.
            *lane = if x > *lane { x } else { *lane };
        }
    }
    let mut best = f32::NEG_INFINITY;
    for &x in lanes.iter().chain(rest) {
        best = if x > best { x } else { best };
    }
    best
}

/// `e` to the power of `x`, for `x` up to 0, within 2 units in the last place; 0 below -87 and for
/// NaN. By range reduction to `2^n * exp(r)` with |r| at most `ln 2 / 2` and a polynomial of degree
/// 5 with the coefficients of `expf` in Moshier's Cephes library. Without branches, so it vectorises.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Adding 1.5 * 2^23 leaves the nearest integer in the low bits of the mantissa.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let shifted = x * LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 0.5;
    let mantissa = p * (r * r) + r + 1.0;
    // 2^n from its exponent bits; garbage outside the range, which the comparison below drops.
    let exponent = shifted
        .to_bits()
        .wrapping_sub(ROUND.to_bits())
        .wrapping_add(127)
        << 23;
    let value = mantissa * f32::from_bits(exponent);
    if x >= EXP_MIN { value } else { 0.0 }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these results are exact")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn exp_is_close_to_the_exact_value() {
        for i in 0..=870_000 {
            let x = -(i as f32) / 10_000.0;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(error < 2.5e-7, "exp({x}) is off by {error}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-0.0), 1.0);
    }

    #[test]
    fn exp_of_what_is_out_of_range_is_zero() {
        for x in [-87.1, -1e4, -1e30, f32::MIN, f32::NEG_INFINITY, f32::NAN] {
            assert_eq!(exp(x), 0.0, "exp({x})");
        }
    }

    #[test]
    fn infinite_logits_share_all_the_weight() {
        let mut row = [
            1.0,
            f32::INFINITY,
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
        ];
        assert_eq!(sum_exp(&row, f32::INFINITY), 2.0);
        weights(&mut row, f32::INFINITY, 0.7);
        assert_eq!(row, [0.0, 1.0, 0.0, 1.0, 0.0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn maximum_and_sums_agree_with_plain_loops(
            mut row in prop::collection::vec(prop_oneof![8 => -30.0_f32..30.0, 1 => Just(f32::NAN), 1 => Just(f32::NEG_INFINITY)], 0..700),
        ) {
            let plain = row.iter().copied().filter(|x| !x.is_nan()).fold(f32::NEG_INFINITY, f32::max);
            prop_assert_eq!(max(&row), plain);
            let first = row.iter().position(|&x| x == plain && plain > f32::NEG_INFINITY);
            prop_assert_eq!(argmax(&row), first);
            if first.is_some() {
                let mut narrow = row.clone();
                Weights { row: &mut narrow, max: plain, temperature: 0.7 }.run();
                let mut wide = row.clone();
                weights(&mut wide, plain, 0.7);
                prop_assert!(wide.iter().zip(&narrow).all(|(w, n)| w.to_bits() == n.to_bits()));
                let exact: f64 = row.iter().filter(|x| !x.is_nan()).map(|&x| (f64::from(x) - f64::from(plain)).exp()).sum();
                prop_assert!((sum_exp(&row, plain) / exact - 1.0).abs() < 1e-6);
                weights(&mut row, plain, 1.0);
                prop_assert!((sum(&row) / exact - 1.0).abs() < 1e-6);
                prop_assert!(sum_from(&row, 0.5) <= sum(&row));
                prop_assert_eq!(sum(&row).to_bits(), Sum(&row, |x| x).run().to_bits());
            }
        }
    }
}
