//! E9 on the real weights, bit for bit: a request's tokens and log-probabilities do not depend on
//! who else is in the batch, on how its prompt was cut, on a prefix hit, or on preemption.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail loudly"
)]

mod support;

use std::sync::Arc;

use engine::tokenizer::{EncodeOptions, Tokenizer};
use engine::{
    Engine, EngineConfig, GenerateRequest, KvCacheDtype, OpenModel, SamplingParams, TokenEvent,
    TokenStream, open,
};

const REQUESTS: usize = 20;
const MAX_TOKENS: u32 = 24;

/// What a request answered: each token with the bits of its log-probability and of its alternatives.
type Answer = Vec<(u32, u32, Vec<(u32, u32)>)>;

/// The default, with a cache for so many tokens; prefix caching is switched on where it is the
/// subject.
fn config(kv_cache_dtype: KvCacheDtype, tokens: usize) -> EngineConfig {
    // Thirty layers of three heads with 64 keys and 64 values; int8 has a scale for either in f32.
    let half_head = match kv_cache_dtype {
        KvCacheDtype::F16 => 64 * 2,
        KvCacheDtype::Int8 => 64 + 4,
    };
    EngineConfig {
        kv_cache_bytes: 30 * 3 * 2 * half_head * tokens,
        kv_cache_dtype,
        enable_prefix_caching: false,
        ..EngineConfig::default()
    }
}

const ROOMY: usize = 11_648;

fn model(config: &EngineConfig) -> OpenModel {
    open(&support::model_path(), config).unwrap()
}

/// Seeded requests over prompts of many lengths, with the parameters that touch sampling most.
fn requests(tokenizer: &Tokenizer) -> Vec<(Arc<[u32]>, SamplingParams)> {
    let prose = include_str!("golden/prose.txt");
    let ids = tokenizer.encode(prose, EncodeOptions::PROMPT).unwrap();
    (0..REQUESTS)
        .map(|i| {
            let start = 97 * i;
            let prompt: Arc<[u32]> = ids[start..start + 5 + 9 * i].into();
            let params = SamplingParams {
                temperature: [0.0, 0.7, 1.0, 1.3][i % 4],
                top_p: [1.0, 0.9][i % 2],
                top_k: [0, 40, 5][i % 3],
                repetition_penalty: [1.0, 1.1][i % 2],
                seed: i as u64,
                max_tokens: MAX_TOKENS,
                ignore_eos: true,
                logprobs: Some(3),
                ..SamplingParams::default()
            };
            (prompt, params)
        })
        .collect()
}

fn submit(engine: &Engine, (prompt, params): &(Arc<[u32]>, SamplingParams)) -> TokenStream {
    let params = Arc::new(params.clone());
    let request = GenerateRequest::new(Arc::clone(prompt), 0, params, &engine.limits()).unwrap();
    engine.submit(request).unwrap()
}

fn answer(mut stream: TokenStream) -> Answer {
    let mut answer = Vec::new();
    while let Some(event) = stream.recv() {
        match event {
            TokenEvent::Token { id, logprobs, .. } => {
                let logprobs = logprobs.expect("log-probabilities were asked for");
                let top = logprobs
                    .top
                    .iter()
                    .map(|(id, p)| (*id, p.to_bits()))
                    .collect();
                answer.push((id, logprobs.logprob.to_bits(), top));
            }
            TokenEvent::Done { usage, .. } => assert_eq!(usage.completion_tokens, MAX_TOKENS),
            event @ (TokenEvent::Prompt(_) | TokenEvent::Failed(_)) => {
                panic!("unexpected {event:?}")
            }
        }
    }
    answer
}

/// All at once, with so many strangers among them.
fn together(model: &OpenModel, strangers: usize) -> Vec<Answer> {
    let requests = requests(&model.tokenizer);
    let mut others = Vec::new();
    let mut streams = Vec::new();
    for (i, request) in requests.iter().enumerate() {
        streams.push(submit(&model.engine, request));
        if i < strangers {
            let (prompt, params) = &requests[(i * 7 + 3) % requests.len()];
            let params = SamplingParams {
                seed: 1_000 + i as u64,
                ..params.clone()
            };
            others.push(submit(&model.engine, &(prompt[1..].into(), params)));
        }
    }
    let answers = streams.into_iter().map(answer).collect();
    others.into_iter().for_each(|stream| drop(answer(stream)));
    answers
}

/// Each by itself, one after the other.
fn alone(dtype: KvCacheDtype) -> Vec<Answer> {
    let model = model(&config(dtype, ROOMY));
    let requests = requests(&model.tokenizer);
    requests
        .iter()
        .map(|request| answer(submit(&model.engine, request)))
        .collect()
}

fn assert_same(expected: &[Answer], found: &[Answer], how: &str) {
    for (i, (expected, found)) in expected.iter().zip(found).enumerate() {
        assert!(
            expected == found,
            "request {i} answers otherwise {how}:\n{expected:?}\n{found:?}"
        );
    }
}

#[test]
fn the_same_bits_whoever_else_is_in_the_batch() {
    assert_invariance(KvCacheDtype::F16);
}

#[test]
fn the_same_bits_with_8_bit_keys_and_values() {
    assert_invariance(KvCacheDtype::Int8);
}

fn assert_invariance(dtype: KvCacheDtype) {
    let expected = alone(dtype);

    let roomy = model(&config(dtype, ROOMY));
    assert_same(&expected, &together(&roomy, 12), "in a batch of 32");

    for max_num_batched_tokens in [16, 512] {
        let config = EngineConfig {
            max_num_batched_tokens,
            max_num_seqs: 16,
            ..config(dtype, ROOMY)
        };
        let answers = together(&model(&config), 12);
        assert_same(
            &expected,
            &answers,
            &format!("in chunks of {max_num_batched_tokens}"),
        );
    }

    let caching = model(&EngineConfig {
        enable_prefix_caching: true,
        ..config(dtype, ROOMY)
    });
    together(&caching, 0);
    let answers = together(&caching, 12);
    let stats = caching.engine.stats();
    assert!(stats.counters.prefix_hit_tokens > 1_000, "{stats:?}");
    assert_same(&expected, &answers, "after prefix hits");

    // Room for one context of 208 tokens and little more.
    let tight = EngineConfig {
        max_model_len: Some(208),
        ..config(dtype, 22 * 16)
    };
    let tight = model(&tight);
    let answers = together(&tight, 12);
    let stats = tight.engine.stats();
    assert!(stats.counters.preemptions > 0, "{stats:?}");
    assert_same(&expected, &answers, "under forced preemption");
}
