//! Gemma 3 270M, held to what references compute from the same file: `golden/gemma3.json`, made by
//! `golden/make_gemma3.py`, which says how it is measured. Half of each window of prose lies beyond
//! the 512 positions that most layers see.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

#[path = "support/gemma.rs"]
mod gemma;
#[path = "support/teacher.rs"]
mod teacher;

use engine::model::{ModelFiles, load};
use engine::tokenizer::EncodeOptions;
use engine::{
    Activations, BLOCK_SIZE, BatchPlan, BlockId, EngineConfig, KvCacheDtype, LogitRows,
    ScheduledSequence, SequenceId,
};
use serde::Deserialize;

use crate::gemma::gemma_path;
use crate::teacher::{Model, argmax, log_prob, sha256, tokenizer};

/// Positions in which the greedy token must be the reference's.
const LEAST_AGREEMENT: f64 = 0.98;
/// Largest relative distance of the perplexity from the reference's.
const MOST_PERPLEXITY_CHANGE: f64 = 0.005;
/// The beginning-of-sequence token.
const BOS: u32 = 2;

#[test]
fn its_description_is_understood() {
    let files = ModelFiles::find(&gemma_path()).unwrap();
    let config = EngineConfig {
        max_model_len: Some(1024),
        ..EngineConfig::default()
    };
    let model = load(&files, &config).unwrap();
    assert_eq!(model.info.architecture, "gemma3");
    assert_eq!(model.info.name, "Gemma 3 270m");
    assert_eq!(model.info.parameters, 268_098_176);
    assert_eq!(model.info.max_positions, 32_768);
    assert_eq!(model.runner.limits().vocab_size, 262_144);
    // The end of the text and of a turn.
    assert_eq!(model.eos_token_ids, [1, 106]);

    let tokenizer = tokenizer(&gemma_path());
    assert_eq!(tokenizer.eos_ids(), [1, 106]);
    assert_eq!(tokenizer.bos_id(), Some(BOS));
    let ids = tokenizer.encode("Paris is", EncodeOptions::PROMPT).unwrap();
    assert_eq!(ids, [BOS, 50429, 563]);
    let turn = tokenizer
        .encode("<start_of_turn>user\n", EncodeOptions::CHAT)
        .unwrap();
    assert_eq!(turn, [105, 2364, 107]);
}

#[test]
fn greedy_tokens_agree_with_the_reference() {
    let mut model = Model::load(&gemma_path(), Activations::Int16, KvCacheDtype::F16);
    let (mut positions, mut agreed) = (0_u32, 0_u32);
    let (mut error, mut largest_margin_lost) = (0.0, 0.0_f64);
    for answer in golden().prompts {
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
    println!(
        "greedy tokens: {agreed} of {positions} agree; the largest margin of the reference lost is \
         {largest_margin_lost:.5}, the mean error of its log-probabilities {:.5}",
        error / f64::from(positions)
    );
    assert_eq!(positions, 4 * 32);
    let agreement = f64::from(agreed) / f64::from(positions);
    assert!(agreement >= LEAST_AGREEMENT, "{agreed} of {positions}");
}

#[test]
fn perplexity_of_prose_agrees_with_the_reference() {
    for kv_cache_dtype in [KvCacheDtype::F16, KvCacheDtype::Int8] {
        assert_perplexity(kv_cache_dtype);
    }
}

#[expect(clippy::print_stdout, reason = "it prints its measurement")]
fn assert_perplexity(kv: KvCacheDtype) {
    let golden = golden();
    let mut ids = prose_ids();
    ids.truncate(golden.prose.tokens);
    assert_eq!(sha256(&ids), golden.prose.ids_sha256, "ids of prose.txt");

    let mut model = Model::load(&gemma_path(), Activations::Int16, kv);
    let (mut total, mut scored, mut furthest) = (0.0, 0_u32, 0.0_f64);
    let windows: Vec<_> = ids.chunks(golden.prose.window).collect();
    assert_eq!(windows.len(), golden.windows.len());
    for (window, reference) in windows.into_iter().zip(&golden.windows) {
        let tokens = [&[BOS], &window[..window.len() - 1]].concat();
        let mut nll = 0.0;
        model.logits(&tokens, 0, |position, row| {
            nll -= log_prob(row, window[position]);
            scored += 1;
        });
        furthest = furthest.max((nll / reference.nll - 1.0).abs());
        total += nll;
    }
    assert_eq!(scored, golden.prose.scored);
    let perplexity = (total / f64::from(scored)).exp();
    let change = perplexity / golden.prose.perplexity - 1.0;
    println!(
        "{kv:?}: perplexity of {scored} tokens: {perplexity:.5}, reference {:.5} ({:+.4}%); the window \
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

#[test]
fn texts_encode_as_in_sentence_piece() {
    let tokenizer = tokenizer(&gemma_path());
    let texts = golden().texts;
    assert!(texts.len() > 400, "{}", texts.len());
    for Text { text, ids } in texts {
        let found = tokenizer.encode(&text, EncodeOptions::LITERAL).unwrap();
        assert_eq!(found, ids, "{text:?}");
        assert_eq!(tokenizer.decode(&ids, false), text, "{ids:?}");
    }
}

/// E9 where the window has been crossed: the last rows of a long context, whatever the chunks and
/// whoever else is in the batch.
#[test]
fn chunks_and_neighbours_change_no_bit_beyond_the_window() {
    let tokens = [&[BOS], &prose_ids()[..620]].concat();
    let config = EngineConfig {
        max_model_len: Some(1024),
        max_num_batched_tokens: 700,
        ..EngineConfig::default()
    };
    let files = ModelFiles::find(&gemma_path()).unwrap();
    let mut runner = load(&files, &config).unwrap().runner;
    let mut last_rows = |chunk: usize, neighbours: u32| {
        let mut rows = Vec::new();
        for (index, chunk_tokens) in tokens.chunks(chunk).enumerate() {
            let start = index * chunk;
            let near_end = start + chunk_tokens.len() + 8 > tokens.len();
            let logits = if near_end {
                LogitRows::Last
            } else {
                LogitRows::None
            };
            let mut sequences = vec![share(0, chunk_tokens, start, logits)];
            for id in 1..=neighbours {
                let start = (start + id as usize * 7) % 900;
                sequences.push(share(
                    id,
                    &tokens[id as usize..][..5],
                    start,
                    LogitRows::None,
                ));
            }
            let plan = BatchPlan { sequences };
            let mut found = runner.forward(&plan).unwrap();
            rows.extend(found.rows().map(|row| {
                row.iter()
                    .map(|logit| logit.to_bits())
                    .collect::<Vec<u32>>()
            }));
        }
        rows.pop().unwrap()
    };
    let whole = last_rows(tokens.len(), 0);
    for (chunk, neighbours) in [(128, 3), (37, 1), (20, 0)] {
        assert!(
            last_rows(chunk, neighbours) == whole,
            "chunks of {chunk} beside {neighbours}"
        );
    }
}

/// Tokens of sequence `id` from `start` on; each sequence has blocks of its own.
fn share(id: u32, tokens: &[u32], start: usize, logits: LogitRows) -> ScheduledSequence {
    let blocks = u32::try_from(1024 / BLOCK_SIZE).unwrap();
    ScheduledSequence {
        id: SequenceId(id.into()),
        tokens: tokens.to_vec(),
        start,
        block_table: (0..blocks)
            .map(|block| BlockId(id * blocks + block))
            .collect(),
        logits,
    }
}

#[derive(Deserialize)]
struct Golden {
    prose: Prose,
    windows: Vec<Window>,
    prompts: Vec<Answer>,
    texts: Vec<Text>,
}

#[derive(Deserialize)]
struct Prose {
    tokens: usize,
    /// Of the ids as little-endian 32-bit integers.
    ids_sha256: String,
    /// Without the token that begins it.
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

#[derive(Deserialize)]
struct Text {
    text: String,
    ids: Vec<u32>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/gemma3.json")).unwrap()
}

fn prose_ids() -> Vec<u32> {
    let text = include_str!("golden/prose.txt");
    let tokenizer = tokenizer(&gemma_path());
    tokenizer.encode(text, EncodeOptions::LITERAL).unwrap()
}
