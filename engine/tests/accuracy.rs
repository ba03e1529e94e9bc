//! The whole engine below the scheduler, held to what `transformers` computes in f32 from the same
//! file: `golden/accuracy.json`, made by `golden/make_accuracy.py`, which says how it is measured.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

mod support;
#[path = "support/teacher.rs"]
mod teacher;

use engine::tokenizer::EncodeOptions;
use engine::{Activations, KvCacheDtype};
use serde::Deserialize;

use crate::teacher::{Model, argmax, log_prob, sha256, tokenizer};

/// Precision of the activations, and of keys and values.
type Precision = (Activations, KvCacheDtype);

/// Share of positions in which the greedy token must be the reference's.
const LEAST_AGREEMENT: [(Precision, f64); 4] = [
    ((Activations::Int16, KvCacheDtype::F16), 0.995),
    ((Activations::Int16, KvCacheDtype::Int8), 0.975),
    ((Activations::Mixed, KvCacheDtype::F16), 0.975),
    ((Activations::Int8, KvCacheDtype::F16), 0.965),
];
/// Largest relative distance of the perplexity from the reference's.
const MOST_PERPLEXITY_CHANGE: f64 = 0.005;

#[test]
fn greedy_tokens_agree_with_the_reference() {
    for (precision, least) in LEAST_AGREEMENT {
        let agreement = greedy_agreement(precision);
        assert!(agreement >= least, "{precision:?}: {agreement}");
    }
}

/// The share of positions in which the greedy token is the reference's.
#[expect(clippy::print_stdout, reason = "it prints its measurement")]
fn greedy_agreement((activations, kv): Precision) -> f64 {
    let mut model = Model::load(&support::model_path(), activations, kv);
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
        "{activations:?}, {kv:?}: {agreed} of {positions} greedy tokens agree ({:.2}%); the largest margin of the \
         reference lost is {largest_margin_lost:.5}, the mean error of its log-probabilities {:.5}",
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

    let windows: Vec<_> = ids
        .chunks(golden.prose.window)
        .zip(&golden.windows)
        .collect();
    assert_eq!(windows.len(), golden.windows.len());
    // All of the text for the default and for 8-bit keys and values, whose loss is small; what 8-bit
    // activations cost shows in a part of it.
    for (activations, kv, windows) in [
        (Activations::Int16, KvCacheDtype::F16, &windows[..]),
        (Activations::Int16, KvCacheDtype::Int8, &windows[..]),
        (Activations::Mixed, KvCacheDtype::F16, &windows[..3]),
        (Activations::Int8, KvCacheDtype::F16, &windows[..3]),
    ] {
        let mut model = Model::load(&support::model_path(), activations, kv);
        let (ours, reference) = perplexity(&mut model, windows);
        let change = ours / reference - 1.0;
        println!(
            "{activations:?}, {kv:?}: perplexity {ours:.5}, reference {reference:.5} ({:+.4}%)",
            100.0 * change
        );
        assert!(
            change.abs() <= MOST_PERPLEXITY_CHANGE,
            "{ours} for {reference}"
        );
        if windows.len() == golden.windows.len() {
            assert!((reference / golden.prose.perplexity - 1.0).abs() < 1e-6);
        }
    }
}

/// Perplexity of some windows, and the reference's.
fn perplexity(model: &mut Model, windows: &[(&[u32], &Window)]) -> (f64, f64) {
    let (mut ours, mut reference, mut scored) = (0.0, 0.0, 0_u32);
    for (window, golden) in windows {
        model.logits(&window[..window.len() - 1], 0, |position, row| {
            ours -= log_prob(row, window[position + 1]);
            scored += 1;
        });
        reference += golden.nll;
    }
    let of = |total: f64| (total / f64::from(scored)).exp();
    (of(ours), of(reference))
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
