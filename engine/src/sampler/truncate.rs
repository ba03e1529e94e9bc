//! Which tokens stay in the draw: min-p, top-k, top-p. None of them sorts the vocabulary.
//!
//! All three keep the tokens down to some place in one order: likeliest first, lower id first among
//! equals. So each is found as a cut, the last token kept, by selection in linear time, and what is
//! kept stays in order of id.

use std::cmp::Ordering;

use super::numeric;

/// A token, or a position among those kept, with its logit or weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    /// Logit or weight; never NaN.
    pub(super) value: f32,
    /// Id or position.
    pub(super) id: u32,
}

impl Candidate {
    /// Likeliest first, lower id first among equals.
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "the shape that sorting wants"
    )]
    pub(super) fn best_first(&self, other: &Self) -> Ordering {
        let by_value = other.value.partial_cmp(&self.value);
        by_value
            .unwrap_or(Ordering::Equal)
            .then(self.id.cmp(&other.id))
    }

    /// Whether a value stays when this is the last one kept.
    fn keeps(self, value: f32, id: u32) -> bool {
        value > self.value || (value >= self.value && id <= self.id)
    }
}

/// Leaves in `best` the `k` largest values of `row`, in no order; fewer when the row has fewer above
/// negative infinity. One pass, with a selection each time `k` more have passed the floor so far.
pub(super) fn top_k(row: &[f32], k: usize, best: &mut Vec<Candidate>) {
    best.clear();
    if k == 0 {
        return;
    }
    let room = k.saturating_mul(2).max(64);
    let mut floor = f32::NEG_INFINITY;
    for (block, start) in row
        .chunks(numeric::BLOCK)
        .zip((0_u32..).step_by(numeric::BLOCK))
    {
        if numeric::max(block) <= floor {
            continue;
        }
        for (&value, id) in block.iter().zip(start..) {
            // Ids rise, so an equal that comes later loses and the comparison is strict.
            if value > floor {
                best.push(Candidate { value, id });
                if best.len() == room {
                    floor = shrink(best, k);
                }
            }
        }
    }
    if best.len() > k {
        shrink(best, k);
    }
}

/// Keeps the best `k` of more than `k`, at least one; the value of the last one kept.
fn shrink(best: &mut Vec<Candidate>, k: usize) -> f32 {
    let (_, cut, _) = best.select_nth_unstable_by(k - 1, Candidate::best_first);
    let floor = cut.value;
    best.truncate(k);
    floor
}

/// Moves the logits of the `k` likeliest tokens to the front of `row` and their ids to `ids`, both
/// in order of id, and says how many they are. `best` is scratch.
pub(super) fn keep_top_k(
    row: &mut [f32],
    k: usize,
    ids: &mut Vec<u32>,
    best: &mut Vec<Candidate>,
) -> usize {
    ids.clear();
    top_k(row, k, best);
    let Some(cut) = best.iter().copied().max_by(Candidate::best_first) else {
        return 0;
    };
    let mut kept = 0;
    for (start, id) in (0..row.len())
        .step_by(numeric::BLOCK)
        .zip((0_u32..).step_by(numeric::BLOCK))
    {
        let end = row.len().min(start + numeric::BLOCK);
        if numeric::max(&row[start..end]) < cut.value {
            continue;
        }
        for (place, id) in (start..end).zip(id..) {
            let value = row[place];
            if cut.keeps(value, id) {
                row[kept] = value;
                ids.push(id);
                kept += 1;
            }
        }
    }
    kept
}

/// Sets to 0 the weights below `min_p`, where the largest weight is 1.
pub(super) fn min_p(weights: &mut [f32], min_p: f32) {
    for weight in weights {
        *weight = if *weight >= min_p { *weight } else { 0.0 };
    }
}

/// Sets to 0 all but the smallest set of largest weights whose sum reaches `top_p` of the whole. The
/// largest weight is 1. `band` is scratch.
pub(super) fn top_p(weights: &mut [f32], top_p: f32, band: &mut Vec<Candidate>) {
    let target = f64::from(top_p) * numeric::sum(weights);
    // Halve the range of bit patterns that holds the cut: what is above it stays, what is below it
    // goes, and only the few weights within need an order. The bits of positive floats are ordered
    // as the floats are; all that matters is above 2^-31.
    let (mut low, mut high) = (f32::MIN_POSITIVE.to_bits(), 1.0_f32.to_bits() + 1);
    let (mut above, mut probe) = (0.0, f32::powi(2.0, -31).to_bits());
    for _ in 0..9 {
        let mass = numeric::sum_from(weights, f32::from_bits(probe));
        if mass >= target {
            low = probe;
        } else {
            (high, above) = (probe, mass);
        }
        probe = low.midpoint(high);
    }
    let (low, high) = (f32::from_bits(low), f32::from_bits(high));
    band.clear();
    for (block, start) in weights
        .chunks(numeric::BLOCK)
        .zip((0_u32..).step_by(numeric::BLOCK))
    {
        if numeric::max(block) >= low {
            let within = block
                .iter()
                .zip(start..)
                .filter(|&(&value, _)| value >= low && value < high);
            band.extend(within.map(|(&value, id)| Candidate { value, id }));
        }
    }
    let Some(cut) = cut_at_mass(band, target - above) else {
        return;
    };
    for (weight, id) in weights.iter_mut().zip(0_u32..) {
        *weight = if cut.keeps(*weight, id) { *weight } else { 0.0 };
    }
}

/// The last of the best candidates whose weights together reach `target`; the worst of all when all
/// fall short of it. Halves the range by selection, so the time is linear.
fn cut_at_mass(mut candidates: &mut [Candidate], target: f64) -> Option<Candidate> {
    // In whole numbers: their sum does not depend on the order in which a selection leaves them.
    let mut missing = fixed(target);
    let mut cut = None;
    while !candidates.is_empty() {
        let middle = (candidates.len() - 1) / 2;
        let (_, &mut last, _) = candidates.select_nth_unstable_by(middle, Candidate::best_first);
        let (upper, lower) = candidates.split_at_mut(middle + 1);
        let mass: u64 = upper.iter().map(|c| fixed(f64::from(c.value))).sum();
        if mass >= missing {
            // The cut is in the upper half, at the latest its last one.
            cut = Some(last);
            candidates = &mut upper[..middle];
        } else {
            missing -= mass;
            cut = cut.or_else(|| lower.is_empty().then_some(last));
            candidates = lower;
        }
    }
    cut
}

/// A weight or a sum of weights in units of 2^-40. Weights are at most 1, so that a vocabulary of
/// 2^23 tokens fits.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, far below 2^63, and the fraction is meant to go"
)]
fn fixed(weight: f64) -> u64 {
    (weight * (1_u64 << 40) as f64) as u64
}
