//! A draft model that checks its blocks: what it guesses is what it would say.

use crate::batch::SequenceId;
use crate::config::EngineConfig;
use crate::request::ModelLimits;
use crate::speculation::draft_model::{Ask, DraftModel};
use crate::testing::{FakeModel, FakeToken};

const LIMITS: ModelLimits = ModelLimits {
    vocab_size: 64,
    max_model_len: 100,
};

/// Says the sum of the last two tokens.
fn next(tokens: &[u32]) -> u32 {
    let last = tokens.iter().rev().take(2);
    last.sum::<u32>() % 64
}

fn going_on(tokens: &[u32], count: usize) -> Vec<u32> {
    let mut text = tokens.to_vec();
    for _ in 0..count {
        text.push(next(&text));
    }
    text.split_off(tokens.len())
}

fn draft(num_blocks: usize, max_num_batched_tokens: usize) -> DraftModel {
    let model = FakeModel::new(LIMITS, num_blocks).answering(|t| FakeToken::Certain(next(t)));
    let config = EngineConfig {
        max_num_batched_tokens,
        ..EngineConfig::default()
    };
    DraftModel::new(Box::new(model), 64, &config)
}

fn ask(id: u64, tokens: &[u32], count: usize) -> Ask<'_> {
    let id = SequenceId(id);
    Ask { id, tokens, count }
}

#[test]
fn guesses_go_on_from_what_is_true() {
    let mut draft = draft(20, 64);
    let mut texts = [vec![1, 2, 3], vec![7; 30]];
    for turn in 0..12 {
        let counts = [turn % 5, 3];
        let [a, b] = &texts;
        let asks = [ask(0, a, counts[0]), ask(1, b, counts[1])];
        let guesses = draft.guess(&asks).unwrap();
        for ((text, count), guess) in texts.iter_mut().zip(counts).zip(&guesses) {
            assert_eq!(*guess, going_on(text, count));
            // Some guesses are right, then comes something else.
            text.extend(guess.iter().take(turn % 3));
            text.push(60);
        }
    }
    for id in [0, 1] {
        draft.forget(SequenceId(id));
    }
    assert_eq!(draft.cache.counts().used, 0);
}

#[test]
fn a_long_text_is_read_in_chunks_first() {
    let mut draft = draft(20, 8);
    let long: Vec<u32> = (0..30).collect();
    let short = [1, 2];
    for _ in 0..3 {
        let guesses = draft.guess(&[ask(0, &long, 2), ask(1, &short, 2)]).unwrap();
        assert!(
            guesses[0].is_empty() && guesses[1].is_empty(),
            "{guesses:?}"
        );
    }
    let guesses = draft.guess(&[ask(0, &long, 2), ask(1, &short, 2)]).unwrap();
    assert_eq!(guesses, [going_on(&long, 2), going_on(&short, 2)]);
}

#[test]
fn idle_sequences_give_their_blocks_up() {
    // Two blocks: one text of 20 tokens at a time.
    let mut draft = draft(2, 64);
    let texts = [[3; 20], [4; 20], [5; 20]];
    for turn in 0..6 {
        let text = &texts[turn % 3];
        let guesses = draft.guess(&[ask(turn as u64 % 3, text, 4)]).unwrap();
        assert_eq!(guesses, [going_on(text, 4)]);
    }
    let both = [ask(0, &texts[0], 4), ask(1, &texts[1], 4)];
    let guesses = draft.guess(&both).unwrap();
    let made = guesses.iter().filter(|guess| !guess.is_empty()).count();
    assert_eq!(made, 1, "there is room for one: {guesses:?}");
}

#[test]
fn what_it_cannot_know_is_not_guessed() {
    let mut draft = draft(20, 200);
    let full = vec![1; 99];
    let guesses = draft.guess(&[ask(0, &full, 4)]).unwrap();
    assert_eq!(guesses, [going_on(&full, 2)], "its context ends");
    assert_eq!(draft.guess(&[ask(1, &[64, 1], 4)]).unwrap(), [[0; 0]]);
    assert_eq!(draft.guess(&[ask(2, &[1], 0)]).unwrap(), [[0; 0]]);
    assert_eq!(draft.guess(&[]).unwrap(), [[0; 0]; 0]);
}

#[test]
fn a_prefix_is_read_once() {
    let mut draft = draft(20, 40);
    let text = [9; 40];
    assert_eq!(
        draft.guess(&[ask(0, &text, 2)]).unwrap(),
        [going_on(&text, 2)]
    );
    // 62 tokens are more than a step computes, but 32 of them are known.
    let begins_alike = [&text[..32], &[1; 30]].concat();
    let guesses = draft.guess(&[ask(1, &begins_alike, 2)]).unwrap();
    assert_eq!(guesses, [going_on(&begins_alike, 2)]);
}
