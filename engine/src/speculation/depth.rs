//! How many tokens to guess: as many as pay.
//!
//! A step of `m` rows for `t` sequences yields `t` tokens in the time `c(m)`. A guess whose chance is
//! `p` adds `p` tokens and the time of one row. So it pays where `p` tokens for a row's time are more
//! than what the step gives for that time anyway:
//!
//! ```text
//!     p / c_row  >  t / c(m)
//! ```
//!
//! The i-th guess of a sequence is right only if all before it were: `p = a^i`, with `a` the chance of
//! one. With guesses the step gives more for its time, so the bar rises; a few rounds of Dinkelbach's
//! method (1967) find the depths at which tokens per time are greatest.

use crate::speculation::costs::CostLine;

/// Rounds in which the bar is raised. It settles fast: each round at least halves what is missing in practice,
/// and three rounds could stay a guess above the best depth.
const ROUNDS: usize = 5;

/// For each sequence of a step, how many tokens to guess.
///
/// `chances` and `most` have an entry for each that may be guessed for; the step has `rows` rows and
/// says `says` tokens without guesses. `extra` is what one guess costs beside its row.
pub(super) fn depths(
    chances: &[f64],
    most: &[usize],
    (rows, says): (usize, usize),
    line: CostLine,
    extra: f64,
) -> Vec<usize> {
    let cost = line.row + extra;
    let (mut tokens, mut time) = (says.max(1) as f64, line.of(rows.max(1)));
    let mut depths = vec![0; chances.len()];
    for _ in 0..ROUNDS {
        let bar = tokens / time * cost;
        (tokens, time) = (says.max(1) as f64, line.of(rows.max(1)));
        for ((depth, &chance), &most) in depths.iter_mut().zip(chances).zip(most) {
            let (guesses, gain) = depth_above(bar, chance, most);
            *depth = guesses;
            tokens += gain;
            time += guesses as f64 * cost;
        }
    }
    depths
}

/// How many guesses have a chance above `bar`, and the tokens that they add on average.
fn depth_above(bar: f64, chance: f64, most: usize) -> (usize, f64) {
    let (mut depth, mut gain, mut all_right) = (0, 0.0, chance);
    while depth < most && all_right > bar {
        gain += all_right;
        all_right *= chance;
        depth += 1;
    }
    (depth, gain)
}
