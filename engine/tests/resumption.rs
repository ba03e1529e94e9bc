//! A generation goes on in another engine with the real weights: after each of its tokens the rest is
//! the same, bit for bit.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

mod support;

use std::sync::Arc;

use engine::constraint::{Grammar, GrammarCompiler};
use engine::tokenizer::EncodeOptions;
use engine::{
    EngineConfig, GenerateRequest, OpenModel, SamplingParams, TokenEvent, TokenStream, open,
};
use serde_json::json;

fn model() -> OpenModel {
    let config = EngineConfig {
        kv_cache_bytes: 256 << 20,
        max_model_len: Some(1024),
        ..EngineConfig::default()
    };
    open(&support::model_path(), &config).unwrap()
}

/// What a request asks for, and the form of its answer.
type Case = (&'static str, u32, SamplingParams, Option<Grammar>);

fn cases() -> Vec<Case> {
    let greedy = SamplingParams {
        temperature: 0.0,
        max_tokens: 64,
        ignore_eos: true,
        logprobs: Some(2),
        ..SamplingParams::default()
    };
    let seeded = SamplingParams {
        temperature: 1.1,
        top_p: 0.95,
        seed: 1_234_567,
        ..greedy.clone()
    };
    let penalties = SamplingParams {
        repetition_penalty: 1.2,
        presence_penalty: 0.3,
        frequency_penalty: 0.5,
        ..seeded.clone()
    };
    let held = SamplingParams {
        min_tokens: 40,
        ignore_eos: false,
        stop_token_ids: vec![28, 30, 198],
        prompt_logprobs: Some(1),
        ..seeded.clone()
    };
    let schema = json!({
        "type": "object",
        "properties": {
            "town": {"type": "string", "minLength": 20},
            "streets": {"type": "array", "items": {"type": "string"}, "minItems": 4}
        },
        "required": ["town", "streets"],
        "additionalProperties": false
    });
    let schema = Grammar::json_schema(&schema).unwrap();
    let regex = Grammar::regex(r"([A-Z][a-z]{2,9}, ){20}and so on\.").unwrap();
    vec![
        ("greedy", 0, greedy, None),
        ("seeded", 0, seeded.clone(), None),
        ("the second choice", 1, seeded.clone(), None),
        ("penalties", 0, penalties, None),
        ("min_tokens and stop tokens", 0, held, None),
        ("json_schema", 0, seeded.clone(), Some(schema)),
        ("regex", 0, seeded, Some(regex)),
    ]
}

fn read(mut stream: TokenStream) -> Vec<TokenEvent> {
    let events: Vec<_> = std::iter::from_fn(|| stream.recv()).collect();
    assert!(matches!(events.last(), Some(TokenEvent::Done { .. })));
    events
}

fn token(event: &TokenEvent) -> Option<u32> {
    match event {
        TokenEvent::Token { id, .. } => Some(*id),
        TokenEvent::Prompt(_) | TokenEvent::Done { .. } | TokenEvent::Failed(_) => None,
    }
}

#[test]
fn after_each_token_the_rest_is_the_same() {
    let (one, other) = (model(), model());
    let limits = one.engine.limits();
    let compiler = GrammarCompiler::new(one.tokenizer.clone(), one.eos_token_ids.clone());
    let ask =
        "<|im_start|>user\nName streets of a town by the sea.<|im_end|>\n<|im_start|>assistant\n";
    let prompt = one.tokenizer.encode(ask, EncodeOptions::PROMPT).unwrap();
    for (name, choice, params, form) in cases() {
        let mut request =
            GenerateRequest::new(prompt.as_slice().into(), choice, Arc::new(params), &limits)
                .unwrap();
        if let Some(form) = form {
            request = request.with_grammar(compiler.compile(&form).unwrap());
        }
        let events = read(one.engine.submit(request.clone()).unwrap());
        let tokens: Vec<_> = events.iter().filter_map(token).collect();
        assert!(tokens.len() >= 40, "{name}: {tokens:?}");
        let first = events.iter().position(|event| token(event).is_some());
        let first = first.unwrap();
        let TokenEvent::Token { cached_tokens, .. } = events[first] else {
            panic!("{name}: {:?}", events[first]);
        };
        let streams: Vec<_> = (1..=tokens.len())
            .map(|count| {
                let said = tokens[..count].into();
                let resumed = request.clone().resuming(said, cached_tokens, &limits);
                other.engine.submit(resumed.unwrap()).unwrap()
            })
            .collect();
        for (stream, count) in streams.into_iter().zip(1..) {
            let found = read(stream);
            assert!(found == events[first + count..], "{name} after {count}");
        }
    }
}
