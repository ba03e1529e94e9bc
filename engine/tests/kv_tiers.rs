//! Blocks that left the KV cache for memory or disk come back with the same bits, on the real weights.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

mod support;

use std::sync::Arc;

use engine::{
    BLOCK_SIZE, DiskTierConfig, EngineConfig, GenerateRequest, KvCacheDtype, KvTiersConfig,
    OpenModel, SamplingParams, TokenEvent, open,
};

/// Tokens of each prompt: a sixth of the cache.
const PROMPT: u32 = 480;

/// Tokens and the bits of their log-probabilities, and how much of the prompt was found.
struct Answer {
    said: Vec<(u32, u32)>,
    cached_tokens: u32,
}

fn model(dtype: KvCacheDtype, tiers: Option<KvTiersConfig>) -> OpenModel {
    let config = EngineConfig {
        // Of int8 the same number of blocks takes 17 bytes for 32.
        kv_cache_bytes: match dtype {
            KvCacheDtype::F16 => 64 << 20,
            KvCacheDtype::Int8 => 34 << 20,
        },
        kv_cache_dtype: dtype,
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
    for dtype in [KvCacheDtype::F16, KvCacheDtype::Int8] {
        let (first, forgotten) = ask_again(&model(dtype, None));
        assert_eq!((first.cached_tokens, forgotten.cached_tokens), (0, 0));
        let tiers = KvTiersConfig {
            ram_bytes: 512 << 20,
            disk: None,
        };
        let (_, restored) = ask_again(&model(dtype, Some(tiers)));
        // The last token is never matched, because somebody needs its logits.
        let full = (PROMPT as usize - 1) / BLOCK_SIZE * BLOCK_SIZE;
        assert_eq!(restored.cached_tokens as usize, full);
        assert!(
            restored.said == first.said && forgotten.said == first.said,
            "{dtype:?}"
        );
    }
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
    // One after the other in one folder: neither finds the blocks of the other.
    for dtype in [KvCacheDtype::F16, KvCacheDtype::Int8] {
        let before = model(dtype, Some(tiers()));
        let (first, again) = ask_again(&before);
        assert_eq!(first.cached_tokens, 0, "{dtype:?}");
        before.engine.shutdown();
        let restarted = ask(&model(dtype, Some(tiers())), 1);
        // How much was read and how much computed anew is a matter of time; the bits are not.
        assert!(
            again.said == first.said && restarted.said == first.said,
            "{dtype:?}"
        );
    }
    let folders = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(folders, 2, "blocks were written for each");
}
