//! Tiny models with random weights, as the hub has them.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use serde_json::{Value, json};

/// Sizes of a tiny model.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) hidden: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head_dim: usize,
    pub(crate) ffn: usize,
    pub(crate) vocab: usize,
}

pub(crate) const TINY: Sizes = Sizes {
    hidden: 64,
    layers: 2,
    heads: 4,
    kv_heads: 2,
    head_dim: 16,
    ffn: 96,
    vocab: 101,
};

/// A model as the hub has it: `config.json` and tensors by name.
pub(crate) struct HubModel {
    pub(crate) sizes: Sizes,
    pub(crate) config: Value,
    pub(crate) tensors: BTreeMap<String, Tensor>,
}

impl HubModel {
    /// Random weights for `class`; `extra` overrides fields of the configuration.
    pub(crate) fn new(class: &str, sizes: Sizes, extra: &Value) -> Self {
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
        let gemma = class == "Gemma3ForCausalLM";
        // Gemma's files hold the distance from 1.
        let one = if gemma { 0.0 } else { 1.0 };
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
        add("model.norm.weight".into(), &[hidden], one, 0.3);
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
            add(at("input_layernorm.weight"), &[hidden], one, 0.3);
            add(at("post_attention_layernorm.weight"), &[hidden], one, 0.3);
            if gemma {
                add(at("pre_feedforward_layernorm.weight"), &[hidden], one, 0.3);
                add(at("post_feedforward_layernorm.weight"), &[hidden], one, 0.3);
            }
            if gemma || class == "Qwen3ForCausalLM" {
                add(at("self_attn.q_norm.weight"), &[sizes.head_dim], one, 0.3);
                add(at("self_attn.k_norm.weight"), &[sizes.head_dim], one, 0.3);
            }
        }
        Self {
            sizes,
            config,
            tensors,
        }
    }

    /// The same model with weights rounded to `dtype`, so that files of that type lose nothing.
    pub(crate) fn rounded(mut self, dtype: DType) -> Self {
        for tensor in self.tensors.values_mut() {
            *tensor = tensor
                .to_dtype(dtype)
                .unwrap()
                .to_dtype(DType::F32)
                .unwrap();
        }
        self
    }
}

/// A small counter-based generator, so that each run has the same weights.
struct Random(u64);

impl Random {
    fn tensor(&mut self, shape: &[usize], middle: f32, spread: f32) -> Tensor {
        let len = shape.iter().product();
        let values: Vec<f32> = (0..len).map(|_| middle + spread * self.unit()).collect();
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
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
