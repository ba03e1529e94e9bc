//! Logits against candle's models, which read the same files: the only place where candle computes.
//!
//! Tiny models with random weights are written as safetensors and as GGUF; candle computes in f32
//! position by position, we in one prompt. Keys and values are kept in f16, hence the tolerance.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail loudly, as tests do"
)]

#[path = "support/prompts.rs"]
mod prompts;
mod support;

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::num::NonZeroUsize;
use std::path::Path;

use candle_core::quantized::gguf_file::{self, Value as GgufValue};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::{llama, quantized_llama, qwen2, qwen3};
use engine::model::{LoadedModel, ModelFiles, load};
use engine::{
    BLOCK_SIZE, BatchPlan, BlockId, EngineConfig, Forward, LogitRows, ScheduledSequence, SequenceId,
};
use serde_json::{Value, json};

/// Difference that f16 keys and values may make, as a share of the largest logit.
const TOLERANCE: f32 = 1e-3;
const CPU: Device = Device::Cpu;

/// Sizes of a tiny model.
#[derive(Clone, Copy)]
struct Sizes {
    hidden: usize,
    layers: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    ffn: usize,
    vocab: usize,
}

const TINY: Sizes = Sizes {
    hidden: 64,
    layers: 2,
    heads: 4,
    kv_heads: 2,
    head_dim: 16,
    ffn: 96,
    vocab: 101,
};

/// A model as the hub has it: `config.json` and tensors by name.
struct HubModel {
    sizes: Sizes,
    config: Value,
    tensors: BTreeMap<String, Tensor>,
}

impl HubModel {
    /// Random weights for `class`; `extra` overrides fields of the configuration.
    fn new(class: &str, sizes: Sizes, extra: Value) -> Self {
        let mut config = json!({
            "architectures": [class],
            "hidden_size": sizes.hidden,
            "num_hidden_layers": sizes.layers,
            "num_attention_heads": sizes.heads,
            "num_key_value_heads": sizes.kv_heads,
            "head_dim": sizes.head_dim,
            "intermediate_size": sizes.ffn,
            "vocab_size": sizes.vocab,
            "max_position_embeddings": 256,
            "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0,
            "hidden_act": "silu",
            "tie_word_embeddings": false,
            "attention_bias": false,
            "sliding_window": 64,
            "max_window_layers": 2,
            "use_sliding_window": false,
            "eos_token_id": [2, 7],
        });
        for (key, value) in extra.as_object().unwrap() {
            config[key] = value.clone();
        }
        let mut random = Random(7);
        let mut tensors = BTreeMap::new();
        let (q, kv) = (
            sizes.heads * sizes.head_dim,
            sizes.kv_heads * sizes.head_dim,
        );
        let Sizes {
            hidden, ffn, vocab, ..
        } = sizes;
        let mut add = |name: String, shape: &[usize], middle: f32, spread: f32| {
            tensors.insert(name, random.tensor(shape, middle, spread));
        };
        add(
            "model.embed_tokens.weight".into(),
            &[vocab, hidden],
            0.0,
            1.0,
        );
        add("model.norm.weight".into(), &[hidden], 1.0, 0.3);
        if config["tie_word_embeddings"] == json!(false) {
            add("lm_head.weight".into(), &[vocab, hidden], 0.0, 0.3);
        }
        for layer in 0..sizes.layers {
            let at = |name: &str| format!("model.layers.{layer}.{name}");
            for (name, rows, cols) in [
                ("self_attn.q_proj", q, hidden),
                ("self_attn.k_proj", kv, hidden),
                ("self_attn.v_proj", kv, hidden),
                ("self_attn.o_proj", hidden, q),
                ("mlp.gate_proj", ffn, hidden),
                ("mlp.up_proj", ffn, hidden),
                ("mlp.down_proj", hidden, ffn),
            ] {
                let spread = 1.6 / (cols as f32).sqrt();
                add(at(&format!("{name}.weight")), &[rows, cols], 0.0, spread);
                if class == "Qwen2ForCausalLM"
                    && ["q_", "k_", "v_"].iter().any(|p| name[10..].starts_with(p))
                {
                    add(at(&format!("{name}.bias")), &[rows], 0.0, 0.5);
                }
            }
            add(at("input_layernorm.weight"), &[hidden], 1.0, 0.3);
            add(at("post_attention_layernorm.weight"), &[hidden], 1.0, 0.3);
            if class == "Qwen3ForCausalLM" {
                add(at("self_attn.q_norm.weight"), &[sizes.head_dim], 1.0, 0.3);
                add(at("self_attn.k_norm.weight"), &[sizes.head_dim], 1.0, 0.3);
            }
        }
        Self {
            sizes,
            config,
            tensors,
        }
    }

    /// The same model with weights rounded to `dtype`, so that files of that type lose nothing.
    fn rounded(mut self, dtype: DType) -> Self {
        for tensor in self.tensors.values_mut() {
            *tensor = tensor
                .to_dtype(dtype)
                .unwrap()
                .to_dtype(DType::F32)
                .unwrap();
        }
        self
    }

    fn builder(&self) -> VarBuilder<'static> {
        let tensors: HashMap<String, Tensor> = self.tensors.clone().into_iter().collect();
        VarBuilder::from_tensors(tensors, DType::F32, &CPU)
    }

    /// Candle's logits for each position of `tokens`.
    fn candle_logits(&self, tokens: &[u32]) -> Vec<Vec<f32>> {
        let config = self.config.clone();
        let builder = self.builder();
        match self.config["architectures"][0].as_str().unwrap() {
            "LlamaForCausalLM" => {
                let config: llama::LlamaConfig = serde_json::from_value(config).unwrap();
                let config = config.into_config(false);
                let mut cache = llama::Cache::new(true, DType::F32, &config, &CPU).unwrap();
                let model = llama::Llama::load(builder, &config).unwrap();
                by_position(tokens, |token, position| {
                    model.forward(token, position, &mut cache).unwrap()
                })
            }
            "Qwen2ForCausalLM" => {
                let config: qwen2::Config = serde_json::from_value(config).unwrap();
                let mut model = qwen2::ModelForCausalLM::new(&config, builder).unwrap();
                by_position(tokens, |token, position| {
                    model.forward(token, position).unwrap()
                })
            }
            "Qwen3ForCausalLM" => {
                let config: qwen3::Config = serde_json::from_value(config).unwrap();
                let mut model = qwen3::ModelForCausalLM::new(&config, builder).unwrap();
                by_position(tokens, |token, position| {
                    model.forward(token, position).unwrap()
                })
            }
            other => panic!("no oracle for {other}"),
        }
    }

    /// Writes a folder, its weights as `dtype`, in `shards` files.
    fn save(&self, folder: &Path, dtype: DType, shards: usize) {
        fs::write(folder.join("config.json"), self.config.to_string()).unwrap();
        fs::write(folder.join("tokenizer.json"), "{}").unwrap();
        let tensors = self
            .tensors
            .iter()
            .map(|(name, tensor)| (name.clone(), tensor.to_dtype(dtype).unwrap()));
        if shards == 1 {
            let tensors: HashMap<String, Tensor> = tensors.collect();
            let path = folder.join("model.safetensors");
            return candle_core::safetensors::save(&tensors, path).unwrap();
        }
        let mut files = vec![HashMap::new(); shards];
        let mut index = serde_json::Map::new();
        for (number, (name, tensor)) in tensors.enumerate() {
            let shard = number % shards;
            index.insert(name.clone(), json!(shard_name(shard, shards)));
            files[shard].insert(name, tensor);
        }
        for (shard, tensors) in files.iter().enumerate() {
            let path = folder.join(shard_name(shard, shards));
            candle_core::safetensors::save(tensors, path).unwrap();
        }
        let index = json!({"metadata": {}, "weight_map": index});
        fs::write(
            folder.join("model.safetensors.index.json"),
            index.to_string(),
        )
        .unwrap();
    }

    /// Writes a GGUF file as llama.cpp's converter does: queries and keys of Llama reordered.
    fn save_gguf(
        &self,
        path: &Path,
        quantise: impl Fn(&str) -> GgmlDType,
        divisors: Option<Vec<f32>>,
    ) {
        let arch = match self.config["architectures"][0].as_str().unwrap() {
            "LlamaForCausalLM" => "llama",
            "Qwen2ForCausalLM" => "qwen2",
            "Qwen3ForCausalLM" => "qwen3",
            other => panic!("no GGUF name for {other}"),
        };
        let sizes = self.sizes;
        let mut tensors = Vec::new();
        for (name, tensor) in &self.tensors {
            let heads = match name {
                _ if arch != "llama" => None,
                name if name.contains("q_proj") => Some(sizes.heads),
                name if name.contains("k_proj") => Some(sizes.kv_heads),
                _ => None,
            };
            let tensor = match heads {
                None => tensor.clone(),
                Some(heads) => tensor
                    .reshape((heads, 2, sizes.head_dim / 2, sizes.hidden))
                    .unwrap()
                    .transpose(1, 2)
                    .unwrap()
                    .contiguous()
                    .unwrap()
                    .reshape(tensor.shape())
                    .unwrap(),
            };
            let name = gguf_name(name);
            let dtype = if tensor.rank() == 1 {
                GgmlDType::F32
            } else {
                quantise(&name)
            };
            tensors.push((name, QTensor::quantize(&tensor, dtype).unwrap()));
        }
        if let Some(divisors) = divisors {
            let divisors = Tensor::new(divisors, &CPU).unwrap();
            let divisors = QTensor::quantize(&divisors, GgmlDType::F32).unwrap();
            tensors.push(("rope_freqs.weight".into(), divisors));
        }
        let size = |value: usize| GgufValue::U32(u32::try_from(value).unwrap());
        let key = |name: &str| format!("{arch}.{name}");
        let metadata = [
            (
                "general.architecture".into(),
                GgufValue::String(arch.into()),
            ),
            ("general.name".into(), GgufValue::String("tiny".into())),
            (key("block_count"), size(sizes.layers)),
            (key("context_length"), size(256)),
            (key("embedding_length"), size(sizes.hidden)),
            (key("feed_forward_length"), size(sizes.ffn)),
            (key("attention.head_count"), size(sizes.heads)),
            (key("attention.head_count_kv"), size(sizes.kv_heads)),
            (key("attention.key_length"), size(sizes.head_dim)),
            (key("attention.value_length"), size(sizes.head_dim)),
            (
                key("attention.layer_norm_rms_epsilon"),
                GgufValue::F32(1e-5),
            ),
            (key("rope.dimension_count"), size(sizes.head_dim)),
            (key("rope.freq_base"), GgufValue::F32(10000.0)),
            ("tokenizer.ggml.eos_token_id".into(), GgufValue::U32(2)),
        ];
        let metadata: Vec<_> = metadata
            .iter()
            .map(|(key, value): &(String, _)| (key.as_str(), value))
            .collect();
        let tensors: Vec<_> = tensors
            .iter()
            .map(|(name, tensor)| (name.as_str(), tensor))
            .collect();
        gguf_file::write(&mut File::create(path).unwrap(), &metadata, &tensors).unwrap();
    }
}

fn shard_name(shard: usize, shards: usize) -> String {
    format!("model-{:05}-of-{shards:05}.safetensors", shard + 1)
}

fn gguf_name(name: &str) -> String {
    let pairs = [
        ("model.embed_tokens.", "token_embd."),
        ("model.norm.", "output_norm."),
        ("lm_head.", "output."),
        ("model.layers.", "blk."),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("self_attn.q_norm", "attn_q_norm"),
        ("self_attn.k_norm", "attn_k_norm"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
        ("input_layernorm", "attn_norm"),
        ("post_attention_layernorm", "ffn_norm"),
    ];
    pairs
        .iter()
        .fold(name.to_owned(), |name, (from, to)| name.replace(from, to))
}

/// Feeds one token after the other; `forward` answers logits of one position.
fn by_position(tokens: &[u32], mut forward: impl FnMut(&Tensor, usize) -> Tensor) -> Vec<Vec<f32>> {
    let each = tokens.iter().enumerate().map(|(position, &token)| {
        let input = Tensor::new(&[[token]], &CPU).unwrap();
        forward(&input, position)
            .flatten_all()
            .unwrap()
            .to_vec1()
            .unwrap()
    });
    each.collect()
}

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

/// A small counter-based generator, so that each run has the same weights.
struct Random(u64);

impl Random {
    fn tensor(&mut self, shape: &[usize], middle: f32, spread: f32) -> Tensor {
        let len = shape.iter().product();
        let values: Vec<f32> = (0..len).map(|_| middle + spread * self.unit()).collect();
        Tensor::from_vec(values, shape, &CPU).unwrap()
    }

    /// From -1 to 1 (splitmix64, Steele et al., 2014).
    fn unit(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bits = u16::try_from((z ^ (z >> 31)) >> 48).unwrap();
        f32::from(bits) / 32767.5 - 1.0
    }
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
    ];
    for (what, class, sizes, extra) in cases {
        let model = HubModel::new(class, sizes, extra);
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
        let model = HubModel::new("LlamaForCausalLM", TINY, json!({})).rounded(dtype);
        let dir = tempfile::tempdir().unwrap();
        model.save(dir.path(), dtype, shards);
        let tokens = prompt(TINY.vocab);
        let what = format!("{dtype:?} in {shards} files");
        let ours = our_logits(dir.path(), &tokens);
        assert_close(&what, &ours, &model.candle_logits(&tokens), TOLERANCE);
        assert_eq!(loaded(dir.path()).eos_token_ids, [2, 7]);
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
    ];
    for (what, class, extra, divisors) in cases {
        let model = HubModel::new(class, TINY, extra);
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
        let wavelength = 2.0 * std::f32::consts::PI / frequency;
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
        let mut model = HubModel::new("LlamaForCausalLM", sizes, json!({}));
        // Rows keep their values when they are reordered, so rounding first loses nothing.
        for tensor in model
            .tensors
            .values_mut()
            .filter(|tensor| tensor.rank() == 2)
        {
            *tensor = QTensor::quantize(tensor, format)
                .unwrap()
                .dequantize(&CPU)
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

/// Logits of candle's model for GGUF files, with the file's weights dequantised to f32.
fn dequantised_logits(path: &Path, tokens: &[u32]) -> Vec<Vec<f32>> {
    let mut reader = File::open(path).unwrap();
    let content = gguf_file::Content::read(&mut reader).unwrap();
    let tensors: Vec<_> = content
        .tensor_infos
        .keys()
        .map(|name| {
            let tensor = content.tensor(&mut reader, name, &CPU).unwrap();
            let tensor = tensor.dequantize(&CPU).unwrap();
            (
                name.as_str(),
                QTensor::quantize(&tensor, GgmlDType::F32).unwrap(),
            )
        })
        .collect();
    let tensors: Vec<_> = tensors
        .iter()
        .map(|(name, tensor)| (*name, tensor))
        .collect();
    let metadata: Vec<_> = content
        .metadata
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f32.gguf");
    gguf_file::write(&mut File::create(&path).unwrap(), &metadata, &tensors).unwrap();
    let mut reader = File::open(&path).unwrap();
    let content = gguf_file::Content::read(&mut reader).unwrap();
    let mut model = quantized_llama::ModelWeights::from_gguf(content, &mut reader, &CPU).unwrap();
    by_position(tokens, |token, position| {
        model.forward(token, position).unwrap()
    })
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
