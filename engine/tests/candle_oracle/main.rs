//! Logits against candle's models, which read the same files: the only place where candle computes.
//!
//! Tiny models with random weights are written as safetensors and as GGUF; candle computes in f32
//! position by position, we in one prompt. Keys and values are kept in f16, hence the tolerance.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail loudly, as tests do"
)]

mod candle;
mod hub_model;
#[path = "../support/prompts.rs"]
mod prompts;
mod save;
#[path = "../support/mod.rs"]
mod support;

use std::f32::consts::PI;
use std::num::NonZeroUsize;
use std::path::Path;

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device};
use engine::model::{LoadedModel, ModelFiles, load};
use engine::{
    BLOCK_SIZE, BatchPlan, BlockId, EngineConfig, LogitRows, ScheduledSequence, SequenceId,
};
use serde_json::{Value, json};

use crate::candle::dequantised_logits;
use crate::hub_model::{HubModel, Sizes, TINY};

/// Difference that f16 keys and values may make, as a share of the largest logit.
const TOLERANCE: f32 = 1e-3;

/// Our logits for each position of `tokens`, read as one prompt.
fn our_logits(path: &Path, tokens: &[u32]) -> Vec<Vec<f32>> {
    let mut model = loaded(path);
    let blocks = tokens.len().div_ceil(BLOCK_SIZE);
    let plan = BatchPlan {
        sequences: vec![ScheduledSequence {
            id: SequenceId(1),
            tokens: tokens.to_vec(),
            start: 0,
            // Not in order: the cache is paged.
            block_table: (0..blocks)
                .rev()
                .map(|b| BlockId(u32::try_from(b).unwrap()))
                .collect(),
            logits: LogitRows::All,
        }],
    };
    let mut logits = model.runner.forward(&plan).unwrap();
    logits.rows().map(|row| row.to_vec()).collect()
}

fn loaded(path: &Path) -> LoadedModel {
    let config = EngineConfig {
        kv_cache_bytes: 256 << 20,
        threads: NonZeroUsize::new(2),
        ..EngineConfig::default()
    };
    load(&ModelFiles::find(path).unwrap(), &config).unwrap()
}

fn assert_close(what: &str, ours: &[Vec<f32>], theirs: &[Vec<f32>], tolerance: f32) {
    assert_eq!(ours.len(), theirs.len(), "{what}: positions");
    for (position, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        assert_eq!(ours.len(), theirs.len(), "{what}: vocabulary");
        let largest = theirs
            .iter()
            .fold(0.0_f32, |most, logit| most.max(logit.abs()));
        assert!(largest > 0.1, "{what}: logits that say nothing");
        for (token, (our, their)) in ours.iter().zip(theirs).enumerate() {
            let difference = (our - their).abs();
            assert!(
                difference <= tolerance * largest,
                "{what}: position {position}, token {token}: {our} is not {their} (largest {largest})"
            );
        }
    }
}

fn prompt(vocab: usize) -> Vec<u32> {
    (0..40)
        .map(|i| u32::try_from((i * 37 + 11) % vocab).unwrap())
        .collect()
}

fn llama3_scaling() -> Value {
    json!({
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32,
    })
}

/// The first layer slides, with a window that the prompt crosses; the second does not.
fn gemma3(head_dim: usize) -> Value {
    json!({
        "hidden_activation": "gelu_pytorch_tanh",
        "query_pre_attn_scalar": head_dim,
        "rope_local_base_freq": 10000.0,
        "rope_theta": 1e6,
        "sliding_window": 9,
        "sliding_window_pattern": 2,
        "tie_word_embeddings": true,
    })
}

#[test]
fn safetensors_models_agree_with_candle() {
    let one_kv_head = Sizes {
        kv_heads: 1,
        ..TINY
    };
    let all_kv_heads = Sizes {
        kv_heads: 4,
        ..TINY
    };
    // Heads that are wider together than the stream, as Qwen3 has them.
    let wide_heads = Sizes {
        head_dim: 32,
        ..TINY
    };
    let cases = [
        ("llama", "LlamaForCausalLM", TINY, json!({})),
        (
            "llama, tied head",
            "LlamaForCausalLM",
            TINY,
            json!({"tie_word_embeddings": true}),
        ),
        (
            "llama, one KV head",
            "LlamaForCausalLM",
            one_kv_head,
            json!({}),
        ),
        ("llama, no GQA", "LlamaForCausalLM", all_kv_heads, json!({})),
        (
            "llama 3.1 rope",
            "LlamaForCausalLM",
            TINY,
            json!({"rope_scaling": llama3_scaling()}),
        ),
        (
            "qwen2",
            "Qwen2ForCausalLM",
            TINY,
            json!({"rope_theta": 1e6}),
        ),
        (
            "qwen2, tied head",
            "Qwen2ForCausalLM",
            TINY,
            json!({"tie_word_embeddings": true}),
        ),
        (
            "qwen3",
            "Qwen3ForCausalLM",
            wide_heads,
            json!({"rope_theta": 1e6}),
        ),
        (
            "qwen3, tied head",
            "Qwen3ForCausalLM",
            TINY,
            json!({"tie_word_embeddings": true}),
        ),
        ("gemma3", "Gemma3ForCausalLM", wide_heads, gemma3(32)),
    ];
    for (what, class, sizes, extra) in cases {
        let model = HubModel::new(class, sizes, &extra);
        let dir = tempfile::tempdir().unwrap();
        model.save(dir.path(), DType::F32, 1);
        let tokens = prompt(sizes.vocab);
        let ours = our_logits(dir.path(), &tokens);
        assert_close(what, &ours, &model.candle_logits(&tokens), TOLERANCE);
    }
}

#[test]
fn half_precision_and_sharded_safetensors_agree_with_candle() {
    for (dtype, shards) in [(DType::F16, 1), (DType::BF16, 3), (DType::F32, 2)] {
        let model = HubModel::new("LlamaForCausalLM", TINY, &json!({})).rounded(dtype);
        let dir = tempfile::tempdir().unwrap();
        model.save(dir.path(), dtype, shards);
        let tokens = prompt(TINY.vocab);
        let what = format!("{dtype:?} in {shards} files");
        let ours = our_logits(dir.path(), &tokens);
        assert_close(&what, &ours, &model.candle_logits(&tokens), TOLERANCE);
        let loaded = loaded(dir.path());
        assert_eq!(loaded.eos_token_ids, [2, 7]);
        let folder = dir.path().file_name().unwrap();
        assert_eq!(loaded.info.name, folder.to_str().unwrap());
    }
}

#[test]
fn gguf_models_agree_with_safetensors_models() {
    let divisors = divisors_of_llama3();
    let cases = [
        ("llama", "LlamaForCausalLM", json!({}), None),
        (
            "llama, tied",
            "LlamaForCausalLM",
            json!({"tie_word_embeddings": true}),
            None,
        ),
        (
            "llama 3.1 rope",
            "LlamaForCausalLM",
            json!({"rope_scaling": llama3_scaling()}),
            Some(divisors),
        ),
        ("qwen2", "Qwen2ForCausalLM", json!({}), None),
        ("qwen3", "Qwen3ForCausalLM", json!({}), None),
        ("gemma3", "Gemma3ForCausalLM", gemma3(TINY.head_dim), None),
    ];
    for (what, class, extra, divisors) in cases {
        let model = HubModel::new(class, TINY, &extra);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tiny.gguf");
        model.save_gguf(&path, |_| GgmlDType::F32, divisors);
        let tokens = prompt(TINY.vocab);
        let theirs = model.candle_logits(&tokens);
        assert_close(what, &our_logits(&path, &tokens), &theirs, TOLERANCE);
        assert_eq!(loaded(&path).eos_token_ids, [2]);
        assert_eq!(loaded(&path).info.name, "tiny");
    }
}

/// The divisors that llama.cpp's converter writes for [`llama3_scaling`].
fn divisors_of_llama3() -> Vec<f32> {
    let (factor, low, high, original) = (8.0_f32, 1.0_f32, 4.0_f32, 32.0_f32);
    let pair = |i: u8| {
        let frequency = 10000_f32.powf(-f32::from(2 * i) / 16.0);
        let wavelength = 2.0 * PI / frequency;
        if wavelength < original / high {
            1.0
        } else if wavelength > original / low {
            factor
        } else {
            let smooth = (original / wavelength - low) / (high - low);
            1.0 / ((1.0 - smooth) / factor + smooth)
        }
    };
    (0..8).map(pair).collect()
}

#[test]
fn every_format_agrees_with_its_dequantised_weights() {
    // K-quants come in blocks of 256.
    let sizes = Sizes {
        hidden: 256,
        head_dim: 64,
        ffn: 512,
        ..TINY
    };
    let formats = [
        GgmlDType::F16,
        GgmlDType::BF16,
        GgmlDType::Q4_0,
        GgmlDType::Q4_1,
        GgmlDType::Q5_0,
        GgmlDType::Q5_1,
        GgmlDType::Q8_0,
        GgmlDType::Q2K,
        GgmlDType::Q3K,
        GgmlDType::Q4K,
        GgmlDType::Q5K,
        GgmlDType::Q6K,
    ];
    for format in formats {
        let mut model = HubModel::new("LlamaForCausalLM", sizes, &json!({}));
        // Rows keep their values when they are reordered, so rounding first loses nothing.
        for tensor in model
            .tensors
            .values_mut()
            .filter(|tensor| tensor.rank() == 2)
        {
            *tensor = QTensor::quantize(tensor, format)
                .unwrap()
                .dequantize(&Device::Cpu)
                .unwrap();
        }
        let dir = tempfile::tempdir().unwrap();
        let exact = dir.path().join("exact.gguf");
        model.save_gguf(&exact, |_| GgmlDType::F32, None);
        let quantised = dir.path().join("quantised.gguf");
        model.save_gguf(&quantised, |_| format, None);
        let tokens = prompt(sizes.vocab);
        // Quantising values that were quantised is not exact for every format.
        let reread = dequantised_logits(&quantised, &tokens);
        let what = format!("{format:?}");
        assert_close(&what, &our_logits(&quantised, &tokens), &reread, TOLERANCE);
        let theirs = model.candle_logits(&tokens);
        assert_close(&what, &our_logits(&exact, &tokens), &theirs, TOLERANCE);
    }
}

#[test]
fn the_real_model_agrees_with_its_dequantised_weights() {
    let path = support::model_path();
    // "The capital of France is Paris." as a chat, and what follows it.
    let mut tokens = prompts::CAPITAL_PROMPT.to_vec();
    tokens.extend([504, 3575, 282, 4649, 314, 7042, 30, 2]);
    let theirs = dequantised_logits(&path, &tokens);
    let ours = our_logits(&path, &tokens);
    let agree = ours
        .iter()
        .zip(&theirs)
        .filter(|(a, b)| argmax(a) == argmax(b))
        .count();
    assert_eq!(agree, tokens.len(), "greedy tokens that agree");
    assert_close("SmolLM2", &ours, &theirs, 2.0 * TOLERANCE);
}

fn argmax(logits: &[f32]) -> usize {
    (0..logits.len())
        .max_by(|&a, &b| logits[a].total_cmp(&logits[b]))
        .unwrap()
}
