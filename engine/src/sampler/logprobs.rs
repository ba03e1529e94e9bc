//! How likely a token was by the model's own distribution.

use super::numeric;
use super::truncate::{Candidate, top_k};
use crate::event::TokenLogprobs;

/// The log-probability of `id` under the log-softmax of `row` (raw logits), its rank, and the `top`
/// likeliest tokens.
///
/// Impossible tokens (a logit of negative infinity or NaN, or an id beyond the row) have a
/// log-probability of negative infinity and are never among the `top`. Equal tokens rank by id.
pub fn token_logprobs(row: &[f32], id: u32, top: u32) -> TokenLogprobs {
    let mut best = Vec::new();
    top_k(row, top as usize, &mut best);
    best.sort_unstable_by(Candidate::best_first);
    beside(row, id, &best)
}

/// The log-probability of `id` and its rank as [`token_logprobs`] has them, and those of the tokens in
/// `asked`, in their order.
pub(super) fn asked_logprobs(row: &[f32], id: u32, asked: &[u32]) -> TokenLogprobs {
    let asked: Vec<_> = asked.iter().map(|&id| candidate(row, id)).collect();
    beside(row, id, &asked)
}

fn beside(row: &[f32], id: u32, others: &[Candidate]) -> TokenLogprobs {
    let max = numeric::max(row);
    let log_sum = numeric::sum_exp(row, max).ln();
    let logprob = |logit: f32| logprob(logit, max, log_sum);
    let chosen = candidate(row, id);
    TokenLogprobs {
        id,
        logprob: logprob(chosen.value),
        rank: rank(row, chosen),
        top: others.iter().map(|c| (c.id, logprob(c.value))).collect(),
    }
}

fn candidate(row: &[f32], id: u32) -> Candidate {
    let logit = row.get(id as usize).copied().filter(|x| !x.is_nan());
    Candidate {
        value: logit.unwrap_or(f32::NEG_INFINITY),
        id,
    }
}

/// `logit - max - log_sum`, where `log_sum` is the logarithm of the sum of `exp(logit - max)`.
fn logprob(logit: f32, max: f32, log_sum: f64) -> f32 {
    if logit == f32::NEG_INFINITY {
        return f32::NEG_INFINITY;
    }
    // With a maximum of positive infinity only the infinities are possible.
    let distance = match (max == f32::INFINITY, logit == f32::INFINITY) {
        (false, _) => f64::from(logit) - f64::from(max),
        (true, true) => 0.0,
        (true, false) => f64::NEG_INFINITY,
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "computed in double, reported in single"
    )]
    let rounded = (distance - log_sum) as f32;
    // The sum is rounded too: a certain token must not come out above 0.
    rounded.min(0.0)
}

/// 1 for the best.
fn rank(row: &[f32], chosen: Candidate) -> u32 {
    let place = (chosen.id as usize).min(row.len());
    let (before, after) = row.split_at(place);
    // Before it, equals rank higher; NaN counts as negative infinity, which `<` does for us.
    let worse = before
        .iter()
        .map(|&x| u32::from(x < chosen.value || (x.is_nan() && chosen.value > f32::NEG_INFINITY)));
    let higher_before = before.len() - worse.sum::<u32>() as usize;
    let higher_after: u32 = after.iter().map(|&x| u32::from(x > chosen.value)).sum();
    u32::try_from(higher_before)
        .unwrap_or(u32::MAX)
        .saturating_add(higher_after)
        .saturating_add(1)
}
