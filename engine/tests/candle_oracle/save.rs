//! Writes tiny models as folders of safetensors and as GGUF files.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;

use candle_core::quantized::gguf_file::{self, Value as GgufValue};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Tensor};
use serde_json::json;

use super::hub_model::HubModel;

impl HubModel {
    /// Writes a folder, its weights as `dtype`, in `shards` files.
    pub(crate) fn save(&self, folder: &Path, dtype: DType, shards: usize) {
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

    #[expect(clippy::cast_possible_truncation, reason = "small numbers")]
    fn float(&self, name: &str) -> GgufValue {
        GgufValue::F32(self.config[name].as_f64().unwrap() as f32)
    }

    /// Writes a GGUF file as llama.cpp's converter does: queries and keys of Llama reordered.
    #[expect(clippy::too_many_lines, reason = "one line for each key")]
    pub(crate) fn save_gguf(
        &self,
        path: &Path,
        quantise: impl Fn(&str) -> GgmlDType,
        divisors: Option<Vec<f32>>,
    ) {
        let arch = match self.config["architectures"][0].as_str().unwrap() {
            "LlamaForCausalLM" => "llama",
            "Qwen2ForCausalLM" => "qwen2",
            "Qwen3ForCausalLM" => "qwen3",
            "Gemma3ForCausalLM" => "gemma3",
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
            let tensor = match arch == "gemma3" && name.ends_with("norm.weight") {
                true => (tensor + 1.0).unwrap(),
                false => tensor,
            };
            let name = gguf_name(name, arch);
            let dtype = if tensor.rank() == 1 {
                GgmlDType::F32
            } else {
                quantise(&name)
            };
            tensors.push((name, QTensor::quantize(&tensor, dtype).unwrap()));
        }
        if let Some(divisors) = divisors {
            let divisors = Tensor::new(divisors, &Device::Cpu).unwrap();
            let divisors = QTensor::quantize(&divisors, GgmlDType::F32).unwrap();
            tensors.push(("rope_freqs.weight".into(), divisors));
        }
        let size = |value: usize| GgufValue::U32(u32::try_from(value).unwrap());
        let key = |name: &str| format!("{arch}.{name}");
        let mut metadata = vec![
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
            (key("rope.freq_base"), self.float("rope_theta")),
            ("tokenizer.ggml.eos_token_id".into(), GgufValue::U32(2)),
        ];
        if arch == "gemma3" {
            let number = |name: &str| usize::try_from(self.config[name].as_u64().unwrap()).unwrap();
            let (window, period) = (number("sliding_window"), number("sliding_window_pattern"));
            metadata.push((key("attention.sliding_window"), size(window)));
            metadata.push((key("attention.sliding_window_pattern"), size(period)));
            let base = self.float("rope_local_base_freq");
            metadata.push((key("rope.freq_base_swa"), base));
        }
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

fn gguf_name(name: &str, arch: &str) -> String {
    let gemma = [
        ("pre_feedforward_layernorm", "ffn_norm"),
        ("post_feedforward_layernorm", "post_ffw_norm"),
        ("post_attention_layernorm", "post_attention_norm"),
    ];
    let other = if arch == "gemma3" { &gemma[..] } else { &[] };
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
    other
        .iter()
        .chain(&pairs)
        .fold(name.to_owned(), |name, (from, to)| name.replace(from, to))
}
