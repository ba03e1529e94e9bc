//! The whole engine below the scheduler, held to what `transformers` computes in f32 from the same
//! file: `golden/accuracy.json`, made by `golden/make_accuracy.py`, which says how it is measured.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

mod support;

use std::ops::Range;

use engine::gguf::GgufFile;
use engine::model::{LlamaRunner, ModelFiles, load};
use engine::tokenizer::{EncodeOptions, GgufVocabulary, Tokenizer};
use engine::{Activations, BLOCK_SIZE, BatchPlan, BlockId, EngineConfig, Forward, LogitRows};
use engine::{ScheduledSequence, SequenceId};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Share of positions in which the greedy token must be the reference's.
const LEAST_AGREEMENT: [(Activations, f64); 3] = [
    (Activations::Int16, 0.995),
    (Activations::Mixed, 0.975),
    (Activations::Int8, 0.965),
];
/// Largest relative distance of the perplexity from the reference's.
const MOST_PERPLEXITY_CHANGE: f64 = 0.005;
/// Longest sequence: a window of prose.
const MAX_MODEL_LEN: usize = 1024;
/// Prompts are read in pieces, as the scheduler would have it.
const STEP_TOKENS: usize = 128;

#[test]
fn greedy_tokens_agree_with_the_reference() {
    for (activations, least) in LEAST_AGREEMENT {
        let agreement = greedy_agreement(activations);
        assert!(agreement >= least, "{activations:?}: {agreement}");
    }
}

/// The share of positions in which the greedy token is the reference's.
fn greedy_agreement(activations: Activations) -> f64 {
    let mut model = Model::load(activations);
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
        let mut model = Model::load(activations);
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
    let file = GgufFile::open(&support::model_path()).unwrap();
    let vocabulary = GgufVocabulary::read(file.metadata()).unwrap();
    let tokenizer = Tokenizer::from_gguf(&vocabulary).unwrap();
    let text = include_str!("golden/prose.txt");
    tokenizer.encode(text, EncodeOptions::LITERAL).unwrap()
}

fn sha256(ids: &[u32]) -> String {
    let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
    let digest = Sha256::digest(&bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The real model, one sequence at a time.
struct Model(LlamaRunner);

impl Model {
    fn load(activations: Activations) -> Self {
        let config = EngineConfig {
            activations,
            kv_cache_bytes: 64 << 20,
            max_model_len: Some(MAX_MODEL_LEN),
            max_num_batched_tokens: STEP_TOKENS,
            ..EngineConfig::default()
        };
        let files = ModelFiles::find(&support::model_path()).unwrap();
        Self(load(&files, &config).unwrap().runner)
    }

    /// Computes `tokens` from an empty cache; `see` gets each position from `first` on with the
    /// logits of the token that follows it.
    fn logits(&mut self, tokens: &[u32], first: usize, mut see: impl FnMut(usize, &[f32])) {
        for positions in pieces(0..first) {
            self.step(tokens, positions, LogitRows::None, &mut see);
        }
        for positions in pieces(first..tokens.len()) {
            self.step(tokens, positions, LogitRows::All, &mut see);
        }
    }

    fn step(
        &mut self,
        tokens: &[u32],
        positions: Range<usize>,
        logits: LogitRows,
        see: &mut impl FnMut(usize, &[f32]),
    ) {
        let blocks = u32::try_from(positions.end.div_ceil(BLOCK_SIZE)).unwrap();
        let plan = BatchPlan {
            sequences: vec![ScheduledSequence {
                id: SequenceId(0),
                tokens: tokens[positions.clone()].to_vec(),
                start: positions.start,
                block_table: (0..blocks).map(BlockId).collect(),
                logits,
            }],
        };
        let mut rows = self.0.forward(&plan).unwrap();
        assert_eq!(rows.len(), plan.num_logit_rows());
        for (position, row) in positions.zip(rows.rows()) {
            see(position, row);
        }
    }
}

fn pieces(positions: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let Range { start, end } = positions;
    (start..end)
        .step_by(STEP_TOKENS)
        .map(move |from| from..end.min(from + STEP_TOKENS))
}

/// The first of the largest values, as torch takes it.
fn argmax(row: &[f32]) -> usize {
    let better = |best: usize, at: usize| if row[at] > row[best] { at } else { best };
    (0..row.len()).reduce(better).unwrap()
}

fn log_prob(row: &[f32], token: u32) -> f64 {
    let largest = f64::from(row[argmax(row)]);
    let sum: f64 = row.iter().map(|&x| (f64::from(x) - largest).exp()).sum();
    f64::from(row[token as usize]) - largest - sum.ln()
}
