//! The random draw: a pure function of (seed, choice, index), and the walk that turns it into a
//! position.
//!
//! The generator is Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
//! SC 2011): counter-based, so any draw is computed directly and none depends on how many came
//! before it. Users' seeded answers depend on every bit here; the golden draws in the tests hold it.

use super::numeric;

/// A uniform number in [0, 1) with 53 random bits, for the token number `index` of answer `choice`.
pub(super) fn uniform(seed: u64, choice: u32, index: u32) -> f64 {
    let [a, b, _, _] = philox([index, choice, 0, 0], split(seed));
    let bits = (u64::from(b) << 32 | u64::from(a)) >> 11;
    // 53 bits fit the mantissa exactly.
    bits as f64 / (1_u64 << 53) as f64
}

/// The first position at which the running sum of `weights` passes `u` times their total; never one
/// of weight 0. `None` when no weight is positive. `u` is in [0, 1), the weights are not negative.
pub(super) fn pick(weights: &[f32], u: f64) -> Option<usize> {
    let target = u * numeric::sum(weights);
    let mut before = 0.0;
    let mut last = None;
    for (i, block) in weights.chunks(numeric::BLOCK).enumerate() {
        let mass = numeric::sum(block);
        if before + mass > target {
            return walk(block, target - before).map(|offset| i * numeric::BLOCK + offset);
        }
        if mass > 0.0 {
            last = Some((i, block));
        }
        before += mass;
    }
    // Rounding left the running sum a little short of the total: the last possible token.
    let (i, block) = last?;
    walk(block, f64::INFINITY).map(|offset| i * numeric::BLOCK + offset)
}

/// [`pick`] within one block; the last positive weight when the sum stays short of `target`.
fn walk(block: &[f32], target: f64) -> Option<usize> {
    let mut sum = 0.0;
    let mut last = None;
    for (i, &weight) in block.iter().enumerate().filter(|&(_, &w)| w > 0.0) {
        sum += f64::from(weight);
        last = Some(i);
        if sum > target {
            break;
        }
    }
    last
}

/// Ten rounds of Philox4x32.
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..10 {
        if round > 0 {
            key[0] = key[0].wrapping_add(0x9E37_79B9);
            key[1] = key[1].wrapping_add(0xBB67_AE85);
        }
        let [low0, high0] = split(0xD251_1F53 * u64::from(counter[0]));
        let [low1, high1] = split(0xCD9E_8D57 * u64::from(counter[2]));
        counter = [
            high1 ^ counter[1] ^ key[0],
            low1,
            high0 ^ counter[3] ^ key[1],
            low0,
        ];
    }
    counter
}

/// Low and high half.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the halves of a number are what is wanted"
)]
fn split(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers that come with the authors' library Random123 (`kat_vectors`).
    #[test]
    fn philox_gives_the_published_answers() {
        let ones = u32::MAX;
        for (counter, key, answer) in [
            (
                [0; 4],
                [0; 2],
                [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8],
            ),
            (
                [ones; 4],
                [ones; 2],
                [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd],
            ),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ] {
            assert_eq!(philox(counter, key), answer);
        }
    }

    #[test]
    fn uniform_is_even_along_every_coordinate() {
        for name in ["index", "choice", "seed"] {
            let draw = |i| match name {
                "index" => uniform(7, 0, i),
                "choice" => uniform(7, i, 3),
                _ => uniform(u64::from(i), 0, 3),
            };
            let mut bins = [0_u32; 100];
            for i in 0..100_000 {
                let u = draw(i);
                assert!((0.0..1.0).contains(&u));
                let bin = (1..100)
                    .take_while(|&edge| u >= f64::from(edge) / 100.0)
                    .count();
                bins[bin] += 1;
            }
            let chi: f64 = bins
                .iter()
                .map(|&n| (f64::from(n) - 1000.0).powi(2) / 1000.0)
                .sum();
            // 99 degrees of freedom: 148.2 is passed once in a thousand by chance.
            assert!(chi < 148.2, "{name}: chi-square {chi}");
        }
    }

    #[test]
    fn pick_walks_to_the_running_sum_and_skips_zeros() {
        let weights = [0.0, 1.0, 0.0, 2.0, 1.0, 0.0];
        for (u, position) in [
            (0.0, 1),
            (0.249, 1),
            (0.25, 3),
            (0.749, 3),
            (0.75, 4),
            (0.999_999, 4),
        ] {
            assert_eq!(pick(&weights, u), Some(position), "u = {u}");
        }
        assert_eq!(
            pick(&weights, 1.0),
            Some(4),
            "rounding up to the total stays in range"
        );
        assert_eq!(pick(&[0.0; 9], 0.5), None);
        assert_eq!(pick(&[], 0.5), None);
    }

    #[test]
    fn pick_finds_its_way_over_many_blocks() {
        let weights: Vec<f32> = (0..10_000)
            .map(|i| if i % 7 == 0 { 1.0 } else { 0.0 })
            .collect();
        let positive = 10_000_usize.div_ceil(7);
        for n in 0..positive {
            let u = (n as f64 + 0.5) / positive as f64;
            assert_eq!(pick(&weights, u), Some(7 * n));
        }
    }
}
