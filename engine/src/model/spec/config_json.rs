//! A spec from `config.json`, as the Hugging Face hub's repositories carry it.

use serde::Deserialize;
use serde_json::Value;

use super::rope::{RopeScaling, RopeSpec};
use super::shape::{Architecture, Biases, ModelSpec};
use super::{cap_to_window, head_dim_of};
use crate::kernels::RopeStyle;
use crate::model::ModelError;

/// Classes of `transformers` that are understood.
const SUPPORTED: [&str; 4] = [
    "LlamaForCausalLM",
    "MistralForCausalLM",
    "Qwen2ForCausalLM",
    "Qwen3ForCausalLM",
];

/// Reads and proves the spec in the text of a `config.json`.
pub(crate) fn from_config_json(text: &[u8]) -> Result<ModelSpec, ModelError> {
    let config: Config = serde_json::from_slice(text)
        .map_err(|error| ModelError::spec("config.json", error.to_string()))?;
    config.into_spec()
}

/// The fields that matter. Other fields do not change what is computed.
#[derive(Debug, Deserialize)]
struct Config {
    #[serde(default)]
    architectures: Vec<String>,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    intermediate_size: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "default_norm_eps")]
    rms_norm_eps: f32,
    hidden_act: Option<String>,
    rope_theta: Option<f64>,
    rope_scaling: Option<RopeConfig>,
    /// The newer place of `rope_theta` and `rope_scaling`.
    rope_parameters: Option<RopeConfig>,
    partial_rotary_factor: Option<f64>,
    #[serde(default)]
    tie_word_embeddings: bool,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
    sliding_window: Option<usize>,
    use_sliding_window: Option<bool>,
    quantization_config: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct RopeConfig {
    rope_type: Option<String>,
    /// The older name of `rope_type`; some files have both.
    r#type: Option<String>,
    rope_theta: Option<f64>,
    factor: Option<f64>,
    low_freq_factor: Option<f64>,
    high_freq_factor: Option<f64>,
    original_max_position_embeddings: Option<f64>,
    beta_fast: Option<f64>,
    beta_slow: Option<f64>,
    attention_factor: Option<f64>,
    mscale: Option<f64>,
    mscale_all_dim: Option<f64>,
}

fn default_norm_eps() -> f32 {
    1e-6
}

impl Config {
    fn into_spec(self) -> Result<ModelSpec, ModelError> {
        let architecture = self.architecture()?;
        self.refuse_unknown_traits()?;
        let head_dim = match (self.head_dim, architecture) {
            (Some(head_dim), _) => head_dim,
            // The class's own default.
            (None, Architecture::Qwen3) => 128,
            (None, _) => head_dim_of(self.hidden_size, self.num_attention_heads)?,
        };
        let mut notes = Vec::new();
        let (rope, stretched) = self.rope()?;
        let mut max_positions = stretched.unwrap_or(self.max_position_embeddings);
        if let Some(window) = self.window(architecture) {
            max_positions = cap_to_window(max_positions, window, &mut notes);
        }
        let biases = match architecture {
            Architecture::Llama => Biases {
                qkv: self.attention_bias,
                output: self.attention_bias,
                ffn: self.mlp_bias,
            },
            Architecture::Mistral => Biases::default(),
            Architecture::Qwen2 => Biases {
                qkv: true,
                output: false,
                ffn: false,
            },
            Architecture::Qwen3 => Biases {
                qkv: self.attention_bias,
                output: self.attention_bias,
                ffn: false,
            },
        };
        ModelSpec {
            architecture,
            hidden: self.hidden_size,
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            kv_heads: self.num_key_value_heads.unwrap_or(self.num_attention_heads),
            head_dim,
            ffn: self.intermediate_size,
            vocab: self.vocab_size,
            norm_eps: self.rms_norm_eps,
            rope,
            biases,
            qk_norm: architecture == Architecture::Qwen3,
            tied_head: self.tie_word_embeddings,
            max_positions,
            notes,
        }
        .proved()
    }

    fn architecture(&self) -> Result<Architecture, ModelError> {
        let [name] = self.architectures.as_slice() else {
            let fault = format!("must name one class, but is {:?}", self.architectures);
            return Err(ModelError::spec("config.json's \"architectures\"", fault));
        };
        match name.as_str() {
            "LlamaForCausalLM" => Ok(Architecture::Llama),
            "MistralForCausalLM" => Ok(Architecture::Mistral),
            "Qwen2ForCausalLM" => Ok(Architecture::Qwen2),
            "Qwen3ForCausalLM" => Ok(Architecture::Qwen3),
            other => Err(ModelError::architecture(other, &SUPPORTED)),
        }
    }

    fn refuse_unknown_traits(&self) -> Result<(), ModelError> {
        if let Some(quantisation) = &self.quantization_config {
            let method = quantisation
                .get("quant_method")
                .and_then(Value::as_str)
                .unwrap_or("unnamed");
            return Err(ModelError::unsupported(
                format!("quantisation {method:?} of safetensors"),
                "F32, F16 and BF16; quantised weights come as GGUF",
            ));
        }
        if let Some(act) = self.hidden_act.as_ref().filter(|act| *act != "silu") {
            let found = format!("activation {act:?}");
            return Err(ModelError::unsupported(found, "\"silu\""));
        }
        if let Some(share) = self.partial_rotary_factor.filter(|share| *share < 1.0) {
            let found = format!("rope over {share} of a head's values");
            return Err(ModelError::unsupported(found, "rope over whole heads"));
        }
        Ok(())
    }

    /// The sliding window, where the model uses one.
    fn window(&self, architecture: Architecture) -> Option<usize> {
        let used = match architecture {
            Architecture::Llama => false,
            Architecture::Mistral => true,
            // These carry a window's length even where no layer slides.
            Architecture::Qwen2 | Architecture::Qwen3 => self.use_sliding_window.unwrap_or(false),
        };
        self.sliding_window.filter(|_| used)
    }

    /// Rope, and the positions to which it stretches the model where the description says so.
    fn rope(&self) -> Result<(RopeSpec, Option<usize>), ModelError> {
        let config = self.rope_parameters.as_ref().or(self.rope_scaling.as_ref());
        let theta = config
            .and_then(|config| config.rope_theta)
            .or(self.rope_theta)
            .unwrap_or(10_000.0);
        let (scaling, stretched) = match config {
            None => (RopeScaling::None, None),
            Some(config) => config.scaling(self.max_position_embeddings)?,
        };
        let style = RopeStyle::Halves;
        let rope = RopeSpec {
            theta,
            style,
            scaling,
        };
        Ok((rope, stretched))
    }
}

impl RopeConfig {
    fn scaling(&self, max_positions: usize) -> Result<(RopeScaling, Option<usize>), ModelError> {
        let need = |name: &'static str, value: Option<f64>| {
            value.ok_or_else(|| {
                ModelError::spec("config.json's rope scaling", format!("has no {name:?}"))
            })
        };
        let factor = || need("factor", self.factor);
        let original = || {
            let name = "original_max_position_embeddings";
            need(name, self.original_max_position_embeddings)
        };
        match self.rope_type.as_deref().or(self.r#type.as_deref()) {
            None | Some("default") => Ok((RopeScaling::None, None)),
            Some("linear") => Ok((RopeScaling::Linear { factor: factor()? }, None)),
            Some("llama3") => {
                let scaling = RopeScaling::Llama3 {
                    factor: factor()?,
                    low_freq_factor: need("low_freq_factor", self.low_freq_factor)?,
                    high_freq_factor: need("high_freq_factor", self.high_freq_factor)?,
                    original_max_positions: original()?,
                };
                Ok((scaling, None))
            }
            Some("yarn") => Ok(self.yarn(factor()?, max_positions)),
            Some(other) => Err(ModelError::unsupported(
                format!("rope scaling {other:?}"),
                "default, linear, llama3 and yarn",
            )),
        }
    }

    /// YaRN; the model reaches as far as the factor stretches its original context.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a cast from float saturates, and the spec bounds what comes out"
    )]
    fn yarn(&self, factor: f64, max_positions: usize) -> (RopeScaling, Option<usize>) {
        let original = self
            .original_max_position_embeddings
            .unwrap_or(max_positions as f64);
        let attention_factor = match (self.attention_factor, self.mscale, self.mscale_all_dim) {
            (Some(given), _, _) => Some(given),
            (None, Some(mscale), Some(all_dim)) if mscale != 0.0 && all_dim != 0.0 => {
                let scale = |mscale: f64| 0.1f64.mul_add(mscale * factor.max(1.0).ln(), 1.0);
                Some(scale(mscale) / scale(all_dim))
            }
            (None, _, _) => None,
        };
        let scaling = RopeScaling::Yarn {
            factor,
            original_max_positions: original,
            beta_fast: self.beta_fast.unwrap_or(32.0),
            beta_slow: self.beta_slow.unwrap_or(1.0),
            attention_factor,
        };
        (scaling, Some((original * factor) as usize))
    }
}
