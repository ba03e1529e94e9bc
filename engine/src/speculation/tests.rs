//! What is guessed, and how far.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::speculation::acceptance::Acceptance;
use crate::speculation::costs::{CostLine, StepCosts};
use crate::speculation::depth::depths;
use crate::speculation::ngram::NgramIndex;

/// The guess for a text that is read at once.
fn guess(tokens: &[u32], (min, max): (usize, usize), count: usize) -> Option<Vec<u32>> {
    NgramIndex::new(min, max).guess(tokens, count)
}

#[test]
fn what_followed_the_longest_match_is_guessed() {
    let text = [1, 2, 3, 40, 9, 2, 3, 50, 9, 1, 2, 3];
    assert_eq!(guess(&text, (1, 2), 2), Some(vec![50, 9]), "the latest");
    assert_eq!(guess(&text, (1, 3), 2), Some(vec![40, 9]), "the longest");
    assert_eq!(guess(&text, (4, 8), 2), None, "none so long");
    assert_eq!(guess(&[], (1, 3), 2), None);
    assert_eq!(guess(&[5], (1, 3), 2), None, "a token is not its own match");
}

#[test]
fn a_match_that_reaches_to_the_end_goes_on_with_itself() {
    assert_eq!(guess(&[7, 7], (1, 3), 4), Some(vec![7; 4]));
    let text = [1, 2, 3, 1, 2, 3, 1, 2];
    assert_eq!(guess(&text, (2, 4), 7), Some(vec![3, 1, 2, 3, 1, 2, 3]));
}

/// Every earlier place compared.
fn guess_by_search(tokens: &[u32], (min, max): (usize, usize), count: usize) -> Option<Vec<u32>> {
    let matched = |place: usize| {
        let pairs = tokens[..place].iter().rev().zip(tokens.iter().rev());
        pairs.take(max).take_while(|(a, b)| a == b).count()
    };
    let places = (1..tokens.len()).filter(|&place| matched(place) >= min);
    let place = places.max_by_key(|&place| (matched(place), place))?;
    let mut text = tokens.to_vec();
    for i in 0..count {
        text.push(text[place + i]);
    }
    Some(text[tokens.len()..].to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Short enough that no chain of places is cut.
    #[test]
    fn the_index_finds_what_a_search_finds(
        tokens in vec(0_u32..3, 0..32),
        min in 1_usize..4,
        more in 0_usize..4,
        count in 1_usize..6,
        read_before in 0_usize..32,
    ) {
        let mut index = NgramIndex::new(min, min + more);
        index.guess(&tokens[..read_before.min(tokens.len())], count);
        let found = index.guess(&tokens, count);
        prop_assert_eq!(found, guess_by_search(&tokens, (min, min + more), count));
    }

    #[test]
    fn the_deepest_guesses_are_those_that_pay(
        chance in 0.0..1.0_f64,
        row in 0.001..1.0_f64,
        most in 1_usize..12,
    ) {
        let line = CostLine { fixed: 1.0 - row, row };
        let found = depths(&[chance], &[most], (1, 1), line, 0.0)[0];
        let rate = |depth: usize| {
            let gain: f64 = (1..).take(depth).map(|i| chance.powi(i)).sum();
            (1.0 + gain) / line.of(1 + depth)
        };
        let best = (0..=most).map(rate).fold(0.0, f64::max);
        prop_assert!(rate(found) >= 0.999 * best, "{found}: {} of {best}", rate(found));
    }
}

#[test]
fn rows_that_cost_as_much_as_steps_are_not_guessed() {
    let line = CostLine {
        fixed: 0.0,
        row: 1.0,
    };
    assert_eq!(depths(&[0.99], &[4], (1, 1), line, 0.0), [0]);
    let cheap = CostLine {
        fixed: 1.0,
        row: 0.01,
    };
    assert_eq!(depths(&[0.99, 0.02], &[4, 4], (2, 2), cheap, 0.0), [4, 0]);
    assert_eq!(
        depths(&[0.99], &[4], (1, 1), cheap, 1.0),
        [0],
        "a guess may itself cost too much"
    );
    // One guess more than the best, after three rounds.
    let half = CostLine {
        fixed: 0.485,
        row: 0.515,
    };
    assert_eq!(depths(&[0.9424], &[10], (1, 1), half, 0.0), [4]);
    // Where the step already says many tokens for its time, a row is worth less.
    let busy = depths(&[0.3; 32], &[4; 32], (32, 32), cheap, 0.0);
    assert_eq!(busy, [1; 32]);
}

#[test]
fn acceptance_follows_what_happened() {
    let mut acceptance = Acceptance::unknown();
    for _ in 0..8 {
        acceptance.learn(4, false);
    }
    assert!(acceptance.chance() > 0.98);
    for _ in 0..8 {
        acceptance.learn(0, true);
    }
    assert!(acceptance.chance() < 0.4);
    let before = acceptance;
    acceptance.learn(0, false);
    assert_eq!(acceptance, before, "what was not looked at says nothing");
}

#[test]
fn the_cost_of_a_row_is_measured() {
    let mut costs = StepCosts::new();
    let unknown = costs.around(1);
    assert!(unknown.of(2) > unknown.of(1) && unknown.of(2) < 1.5 * unknown.of(1));

    costs.learn(1, 0.010);
    let scaled = costs.around(1);
    assert!((scaled.of(1) - 0.010).abs() < 1e-9, "{scaled:?}");
    assert!(
        (scaled.row / 0.010 - unknown.row).abs() < 1e-9,
        "{scaled:?}"
    );

    for _ in 0..10 {
        for rows in [1, 2, 5, 9] {
            costs.learn(rows, 0.008 + 0.002 * rows as f64);
        }
    }
    costs.learn(2, 10.0);
    let line = costs.around(1);
    assert!((0.001..0.004).contains(&line.row), "{line:?}");
    costs.learn(100_000, 1.0);
    assert_eq!(
        costs.around(1),
        line,
        "steps so large are none of its business"
    );
}
