//! Guessing ahead on the real weights: the same bits as without, and fewer steps where a text repeats
//! itself.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

mod support;

use std::sync::Arc;

use engine::tokenizer::{EncodeOptions, Tokenizer};
use engine::{
    Counters, EngineConfig, GenerateRequest, OpenModel, SamplingParams, Speculation,
    SpeculationMethod, TokenEvent, TokenStream, open,
};

/// What a request answered: each token with the bits of its log-probability and of its alternatives.
type Answer = Vec<(u32, u32, Vec<(u32, u32)>)>;

fn model(method: Option<SpeculationMethod>) -> OpenModel {
    let speculation = method.map(|method| Speculation {
        num_speculative_tokens: 4,
        method,
    });
    let config = EngineConfig {
        kv_cache_bytes: 256 << 20,
        max_model_len: Some(2048),
        speculation,
        ..EngineConfig::default()
    };
    open(&support::model_path(), &config).unwrap()
}

fn ngram() -> Option<SpeculationMethod> {
    Some(SpeculationMethod::Ngram {
        prompt_lookup_min: 1,
        prompt_lookup_max: 4,
    })
}

/// The served model guesses for itself: greedily it is always right.
fn itself() -> Option<SpeculationMethod> {
    Some(SpeculationMethod::Draft {
        model: support::model_path(),
    })
}

fn submit(model: &OpenModel, prompt: &[u32], params: SamplingParams) -> TokenStream {
    let limits = model.engine.limits();
    let request = GenerateRequest::new(prompt.into(), 0, Arc::new(params), &limits).unwrap();
    model.engine.submit(request).unwrap()
}

fn answer(mut stream: TokenStream) -> Answer {
    let mut answer = Vec::new();
    while let Some(event) = stream.recv() {
        match event {
            TokenEvent::Token { id, logprobs, .. } => {
                let logprobs = logprobs.unwrap();
                let top = logprobs.top.iter().map(|(id, p)| (*id, p.to_bits()));
                answer.push((id, logprobs.logprob.to_bits(), top.collect()));
            }
            TokenEvent::Done { .. } => {}
            event @ (TokenEvent::Prompt(_) | TokenEvent::Failed(_)) => {
                panic!("unexpected {event:?}")
            }
        }
    }
    answer
}

/// Seeded requests with the parameters that touch sampling most, over prompts of many lengths.
fn requests(tokenizer: &Tokenizer) -> Vec<(Vec<u32>, SamplingParams)> {
    let prose = include_str!("golden/prose.txt");
    let ids = tokenizer.encode(prose, EncodeOptions::PROMPT).unwrap();
    (0..10)
        .map(|i| {
            let prompt = ids[150 * i..150 * i + 5 + 17 * i].to_vec();
            let params = SamplingParams {
                temperature: [0.0, 0.3, 0.8, 1.2][i % 4],
                top_p: [1.0, 0.9][i % 2],
                top_k: [0, 40, 5][i % 3],
                repetition_penalty: [1.0, 1.0, 1.1][i % 3],
                frequency_penalty: [0.0, 0.2][i / 5],
                seed: i as u64,
                max_tokens: 40,
                ignore_eos: true,
                logprobs: Some(2),
                ..SamplingParams::default()
            };
            (prompt, params)
        })
        .collect()
}

/// All requests at once.
fn answers(model: &OpenModel) -> Vec<Answer> {
    let requests = requests(&model.tokenizer).into_iter();
    let streams: Vec<_> = requests
        .map(|(prompt, params)| submit(model, &prompt, params))
        .collect();
    streams.into_iter().map(answer).collect()
}

fn accepted(counters: &Counters) -> f64 {
    counters.accepted_tokens as f64 / counters.draft_tokens as f64
}

#[test]
fn the_same_bits_with_and_without_guesses() {
    let expected = answers(&model(None));
    for method in [ngram(), itself()] {
        let how = format!("{method:?}");
        let guessing = model(method);
        let found = answers(&guessing);
        for (i, (expected, found)) in expected.iter().zip(&found).enumerate() {
            assert!(
                expected == found,
                "request {i} answers otherwise by {how}:\n{expected:?}\n{found:?}"
            );
        }
        let counters = guessing.engine.stats().counters;
        assert!(counters.accepted_tokens > 10, "{how}: {counters:?}");
    }
}

#[test]
fn a_text_that_repeats_itself_is_guessed_by_lookup() {
    let plain = model(None);
    let guessing = model(ngram());
    let list = "apples, pears, plums, cherries, apricots, figs, dates, grapes, melons, lemons";
    let text = format!("The list is: {list}.\nOnce more, the list is: {list}.\nOnce more, the");
    let options = EncodeOptions::PROMPT;
    let prompt = plain.tokenizer.encode(&text, options).unwrap();
    let params = SamplingParams {
        temperature: 0.0,
        max_tokens: 120,
        ignore_eos: true,
        logprobs: Some(0),
        ..SamplingParams::default()
    };
    let expected = answer(submit(&plain, &prompt, params.clone()));
    assert_eq!(answer(submit(&guessing, &prompt, params)), expected);
    let (before, after) = (plain.engine.stats(), guessing.engine.stats());
    let (before, after) = (before.counters, after.counters);
    eprintln!("{before:?}\n{after:?}");
    assert!(accepted(&after) > 0.5, "{after:?}");
    assert!(after.steps < before.steps, "{before:?} {after:?}");
}

#[test]
fn a_model_guesses_itself() {
    let guessing = model(itself());
    let (prompt, params) = requests(&guessing.tokenizer).swap_remove(4);
    let greedy = SamplingParams {
        temperature: 0.0,
        repetition_penalty: 1.0,
        frequency_penalty: 0.0,
        max_tokens: 100,
        ..params
    };
    let expected = answer(submit(&model(None), &prompt, greedy.clone()));
    assert_eq!(answer(submit(&guessing, &prompt, greedy)), expected);
    let counters = guessing.engine.stats().counters;
    assert!(counters.draft_tokens > 0, "{counters:?}");
    assert!(accepted(&counters) > 0.99, "{counters:?}");
}
