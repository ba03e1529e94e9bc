//! The whole engine below the scheduler, held to what `transformers` computes in f32 from the same
//! file: `golden/accuracy.json`, made by `golden/make_accuracy.py`, which says how it is measured.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

mod support;
#[path = "support/teacher.rs"]
mod teacher;

use engine::Activations;
use engine::tokenizer::EncodeOptions;
use serde::Deserialize;

use crate::teacher::{Model, argmax, log_prob, sha256, tokenizer};

/// Share of positions in which the greedy token must be the reference's.
const LEAST_AGREEMENT: [(Activations, f64); 3] = [
    (Activations::Int16, 0.995),
    (Activations::Mixed, 0.975),
    (Activations::Int8, 0.965),
];
/// Largest relative distance of the perplexity from the reference's.
const MOST_PERPLEXITY_CHANGE: f64 = 0.005;

#[test]
fn greedy_tokens_agree_with_the_reference() {
    for (activations, least) in LEAST_AGREEMENT {
        let agreement = greedy_agreement(activations);
        assert!(agreement >= least, "{activations:?}: {agreement}");
    }
}

/// The share of positions in which the greedy token is the reference's.
fn greedy_agreement(activations: Activations) -> f64 {
    let mut model = Model::load(&support::model_path(), activations);
    let (mut positions, mut agreed) = (0_u32, 0_u32);
    let (mut error, mut largest_margin_lost) = (0.0, 0.0_f64);
    for answer in golden().prompts {
        // Teacher-forced: the row that predicts token i follows the reference's tokens before it.
        let first = answer.ids.len() - 1;
        let (_, before_last) = answer.tokens.split_last().unwrap();
        let tokens = [&answer.ids, before_last].concat();
        model.logits(&tokens, first, |position, row| {
            let index = position - first;
            let token = answer.tokens[index];
            positions += 1;
            if argmax(row) == token as usize {
                agreed += 1;
            } else {
                largest_margin_lost = largest_margin_lost.max(answer.margins[index]);
            }
            error += (log_prob(row, token) - answer.logprobs[index]).abs();
        });
    }
    let agreement = f64::from(agreed) / f64::from(positions);
    println!(
        "{activations:?}, greedy tokens: {agreed} of {positions} agree ({:.2}%); the largest margin of the reference \
         lost is {largest_margin_lost:.5}, the mean error of its log-probabilities {:.5}",
        100.0 * agreement,
        error / f64::from(positions)
    );
    assert_eq!(positions, 20 * 64);
    agreement
}

#[test]
fn perplexity_of_prose_agrees_with_the_reference() {
    let golden = golden();
    let ids = prose_ids();
    assert_eq!(ids.len(), golden.prose.tokens, "tokens of prose.txt");
    assert_eq!(sha256(&ids), golden.prose.ids_sha256, "ids of prose.txt");

    for activations in LEAST_AGREEMENT.map(|(activations, _)| activations) {
        let mut model = Model::load(&support::model_path(), activations);
        perplexity(&mut model, &golden, &ids, activations);
    }
}

fn perplexity(model: &mut Model, golden: &Golden, ids: &[u32], activations: Activations) {
    let (mut total, mut scored, mut furthest) = (0.0, 0_u32, 0.0_f64);
    let windows: Vec<_> = ids.chunks(golden.prose.window).collect();
    assert_eq!(windows.len(), golden.windows.len());
    for (window, reference) in windows.into_iter().zip(&golden.windows) {
        let mut nll = 0.0;
        model.logits(&window[..window.len() - 1], 0, |position, row| {
            nll -= log_prob(row, window[position + 1]);
            scored += 1;
        });
        furthest = furthest.max((nll / reference.nll - 1.0).abs());
        total += nll;
    }
    assert_eq!(scored, golden.prose.scored);
    let perplexity = (total / f64::from(scored)).exp();
    let change = perplexity / golden.prose.perplexity - 1.0;
    println!(
        "{activations:?}, perplexity of {scored} tokens: {perplexity:.5}, reference {:.5} ({:+.4}%); the window \
         furthest from its reference has {:.4}% more or less NLL",
        golden.prose.perplexity,
        100.0 * change,
        100.0 * furthest
    );
    assert!(
        change.abs() <= MOST_PERPLEXITY_CHANGE,
        "perplexity {perplexity} is more than {MOST_PERPLEXITY_CHANGE} away from {}",
        golden.prose.perplexity
    );
}

#[derive(Deserialize)]
struct Golden {
    prose: Prose,
    windows: Vec<Window>,
    prompts: Vec<Answer>,
}

#[derive(Deserialize)]
struct Prose {
    tokens: usize,
    /// Of the ids as little-endian 32-bit integers.
    ids_sha256: String,
    window: usize,
    scored: u32,
    perplexity: f64,
}

#[derive(Deserialize)]
struct Window {
    nll: f64,
}

#[derive(Deserialize)]
struct Answer {
    ids: Vec<u32>,
    tokens: Vec<u32>,
    logprobs: Vec<f64>,
    margins: Vec<f64>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/accuracy.json")).unwrap()
}

fn prose_ids() -> Vec<u32> {
    let text = include_str!("golden/prose.txt");
    let tokenizer = tokenizer(&support::model_path());
    tokenizer.encode(text, EncodeOptions::LITERAL).unwrap()
}
