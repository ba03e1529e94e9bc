//! Passes over a row of logits: maximum, exponentials, sums. Written in fixed lanes, so that the
//! compiler can use vector registers and the result is the same on every instruction set.

use std::f32::consts::LOG2_E;

/// Values worked on side by side.
const LANES: usize = 16;
/// Values of which only the maximum is looked at before the values themselves.
pub(super) const BLOCK: usize = 256;
/// Below this the exponential is taken as 0: `exp(-87)` is about the smallest normal `f32`.
const EXP_MIN: f32 = -87.0;

/// The largest value; NaN is passed over; negative infinity when there is none.
pub(super) fn max(row: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            // A comparison with NaN is false, so NaN never enters.
            *lane = if x > *lane { x } else { *lane };
        }
    }
    let of = |values: &[f32]| {
        values
            .iter()
            .fold(f32::NEG_INFINITY, |a, &x| if x > a { x } else { a })
    };
    let (a, b) = (of(&lanes), of(rest));
    if b > a { b } else { a }
}

/// Index of the largest value, the lowest among equals; `None` when every value is NaN or negative
/// infinity. One pass, and a second look at one block.
pub(crate) fn argmax(row: &[f32]) -> Option<usize> {
    let mut best = f32::NEG_INFINITY;
    let mut start = None;
    for (i, block) in row.chunks(BLOCK).enumerate() {
        let top = max(block);
        if top > best {
            best = top;
            start = Some(i * BLOCK);
        }
    }
    let start = start?;
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
    for x in row {
        *x = exp((*x - max) / temperature);
    }
}

/// The sum of `exp(logit - max)` over the row, with the same rules as [`weights`].
pub(super) fn sum_exp(row: &[f32], max: f32) -> f64 {
    if max == f32::INFINITY {
        return sum_by(row, |x| if x == f32::INFINITY { 1.0 } else { 0.0 });
    }
    sum_by(row, |x| exp(x - max))
}

/// The sum of all values.
pub(super) fn sum(row: &[f32]) -> f64 {
    sum_by(row, |x| x)
}

/// The sum of the values that are at least `floor`.
pub(super) fn sum_from(row: &[f32], floor: f32) -> f64 {
    sum_by(row, |x| if x >= floor { x } else { 0.0 })
}

/// The sum of `value(x)`, always added in the same order: within a block side by side in single
/// precision, over the blocks in double.
fn sum_by(row: &[f32], value: impl Fn(f32) -> f32) -> f64 {
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

/// `e` to the power of `x`, for `x` up to 0, within 2 units in the last place; 0 below -87 and for
/// NaN. By range reduction to `2^n * exp(r)` with |r| at most `ln 2 / 2` and a polynomial of degree
/// 5 with the coefficients of `expf` in Moshier's Cephes library. Without branches, so it vectorises.
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
                let exact: f64 = row.iter().filter(|x| !x.is_nan()).map(|&x| (f64::from(x) - f64::from(plain)).exp()).sum();
                prop_assert!((sum_exp(&row, plain) / exact - 1.0).abs() < 1e-6);
                weights(&mut row, plain, 1.0);
                prop_assert!((sum(&row) / exact - 1.0).abs() < 1e-6);
                prop_assert!(sum_from(&row, 0.5) <= sum(&row));
            }
        }
    }
}
