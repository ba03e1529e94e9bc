//! Blocks that left the KV cache for memory or disk come back with the same bits, on the real weights.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

mod support;

use std::sync::Arc;

use engine::{
    BLOCK_SIZE, DiskTierConfig, EngineConfig, GenerateRequest, KvTiersConfig, OpenModel,
    SamplingParams, TokenEvent, open,
};

/// Tokens of each prompt: a sixth of the cache.
const PROMPT: u32 = 480;

/// Tokens and the bits of their log-probabilities, and how much of the prompt was found.
struct Answer {
    said: Vec<(u32, u32)>,
    cached_tokens: u32,
}

fn model(tiers: Option<KvTiersConfig>) -> OpenModel {
    let config = EngineConfig {
        kv_cache_bytes: 64 << 20,
        max_model_len: Some(1024),
        kv_tiers: tiers,
        ..EngineConfig::default()
    };
    open(&support::model_path(), &config).unwrap()
}

/// Asks about a prompt that begins like no other.
fn ask(model: &OpenModel, number: u32) -> Answer {
    let prompt: Vec<u32> = (0..PROMPT)
        .map(|i| 300 + (number * 7919 + i * 31) % 20_000)
        .collect();
    let params = SamplingParams {
        temperature: 0.0,
        max_tokens: 8,
        ignore_eos: true,
        logprobs: Some(0),
        ..SamplingParams::default()
    };
    let limits = model.engine.limits();
    let request = GenerateRequest::new(prompt.into(), 0, Arc::new(params), &limits).unwrap();
    let mut stream = model.engine.submit(request).unwrap();
    let mut said = Vec::new();
    while let Some(event) = stream.recv() {
        match event {
            TokenEvent::Token { id, logprobs, .. } => {
                said.push((id, logprobs.unwrap().logprob.to_bits()));
            }
            TokenEvent::Done { usage, .. } => {
                let cached_tokens = usage.cached_tokens;
                return Answer {
                    said,
                    cached_tokens,
                };
            }
            event @ (TokenEvent::Prompt(_) | TokenEvent::Failed(_)) => panic!("{event:?}"),
        }
    }
    panic!("the stream has no end")
}

/// The first prompt again, when others have taken its blocks.
fn ask_again(model: &OpenModel) -> (Answer, Answer) {
    let first = ask(model, 1);
    for number in 2..9 {
        ask(model, number);
    }
    (first, ask(model, 1))
}

#[test]
fn what_comes_back_from_memory_is_what_left() {
    let (first, forgotten) = ask_again(&model(None));
    assert_eq!((first.cached_tokens, forgotten.cached_tokens), (0, 0));
    let tiers = KvTiersConfig {
        ram_bytes: 512 << 20,
        disk: None,
    };
    let (_, restored) = ask_again(&model(Some(tiers)));
    // The last token is never matched, because somebody needs its logits.
    let full = (PROMPT as usize - 1) / BLOCK_SIZE * BLOCK_SIZE;
    assert_eq!(restored.cached_tokens as usize, full);
    assert!(restored.said == first.said && forgotten.said == first.said);
}

#[test]
fn what_comes_back_from_disk_is_what_left() {
    let folder = tempfile::tempdir().unwrap();
    let tiers = || KvTiersConfig {
        ram_bytes: 4 << 20,
        disk: Some(DiskTierConfig {
            path: folder.path().to_owned(),
            bytes: 1 << 30,
        }),
    };
    let before = model(Some(tiers()));
    let (first, again) = ask_again(&before);
    before.engine.shutdown();
    let restarted = ask(&model(Some(tiers())), 1);
    // How much was read and how much computed anew is a matter of time; the bits are not.
    assert!(again.said == first.said && restarted.said == first.said);
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert!(files > 0, "blocks were written");
}
