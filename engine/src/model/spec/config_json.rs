//! A spec from `config.json`, as the Hugging Face hub's repositories carry it.

use serde::Deserialize;
use serde_json::Value;

use super::config_rope::RopeConfig;
use super::layers::{Activation, LocalLayers, Norms};
use super::rope::{RopeScaling, RopeSpec};
use super::shape::{Architecture, Biases, MOST_LAYERS, ModelSpec};
use super::{cap_to_window, head_dim_of, inverse_root};
use crate::kernels::RopeStyle;
use crate::model::ModelError;

/// Classes of `transformers` that are understood.
const SUPPORTED: [&str; 5] = [
    "LlamaForCausalLM",
    "MistralForCausalLM",
    "Qwen2ForCausalLM",
    "Qwen3ForCausalLM",
    "Gemma3ForCausalLM",
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
    /// Gemma's name of `hidden_act`.
    hidden_activation: Option<String>,
    rope_theta: Option<f64>,
    rope_scaling: Option<RopeConfig>,
    /// The newer place of `rope_theta` and `rope_scaling`.
    rope_parameters: Option<RopeConfig>,
    partial_rotary_factor: Option<f64>,
    tie_word_embeddings: Option<bool>,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
    sliding_window: Option<usize>,
    use_sliding_window: Option<bool>,
    /// For each layer whether it slides; older files give the period instead.
    layer_types: Option<Vec<String>>,
    sliding_window_pattern: Option<usize>,
    /// Base of the layers that slide.
    rope_local_base_freq: Option<f64>,
    /// The number whose inverse root is the factor on attention's products.
    query_pre_attn_scalar: Option<f64>,
    attn_logit_softcapping: Option<f64>,
    final_logit_softcapping: Option<f64>,
    use_bidirectional_attention: Option<bool>,
    quantization_config: Option<Value>,
}

fn default_norm_eps() -> f32 {
    1e-6
}

impl Config {
    fn into_spec(self) -> Result<ModelSpec, ModelError> {
        let architecture = self.architecture()?;
        self.refuse_unknown_traits(architecture)?;
        let gemma = architecture == Architecture::Gemma3;
        let head_dim = match (self.head_dim, architecture) {
            (Some(head_dim), _) => head_dim,
            // The class's own default.
            (None, Architecture::Qwen3) => 128,
            (None, Architecture::Gemma3) => 256,
            (None, _) => head_dim_of(self.hidden_size, self.num_attention_heads)?,
        };
        let mut notes = Vec::new();
        let (rope, stretched) = self.rope(architecture)?;
        let mut max_positions = stretched.unwrap_or(self.max_position_embeddings);
        if let Some(window) = self.window(architecture) {
            max_positions = cap_to_window(max_positions, window, &mut notes);
        }
        ModelSpec {
            architecture,
            hidden: self.hidden_size,
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            kv_heads: self.num_key_value_heads.unwrap_or(self.num_attention_heads),
            head_dim,
            ffn: self.intermediate_size,
            vocab: self.vocab_size,
            norms: Norms {
                heads: gemma || architecture == Architecture::Qwen3,
                after: gemma,
                offset: if gemma { 1.0 } else { 0.0 },
                ..Norms::before(self.rms_norm_eps)
            },
            activation: architecture.activation(),
            embedding_scale: architecture.embedding_scale(self.hidden_size),
            attention_scale: match gemma {
                true => self.gemma_attention_scale(),
                false => inverse_root(head_dim),
            },
            rope,
            local: match gemma {
                true => Some(self.gemma_local_layers()?),
                false => None,
            },
            biases: self.biases(architecture),
            tied_head: self.tie_word_embeddings.unwrap_or(gemma),
            max_positions,
            notes,
        }
        .proved()
    }

    fn biases(&self, architecture: Architecture) -> Biases {
        match architecture {
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
            Architecture::Qwen3 | Architecture::Gemma3 => Biases {
                qkv: self.attention_bias,
                output: self.attention_bias,
                ffn: false,
            },
        }
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
            "Gemma3ForCausalLM" => Ok(Architecture::Gemma3),
            other => Err(ModelError::architecture(other, &SUPPORTED)),
        }
    }

    fn refuse_unknown_traits(&self, architecture: Architecture) -> Result<(), ModelError> {
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
        let known = match architecture.activation() {
            Activation::Silu => "silu",
            Activation::GeluTanh => "gelu_pytorch_tanh",
        };
        let activation = self.hidden_activation.as_ref().or(self.hidden_act.as_ref());
        if let Some(found) = activation.filter(|found| *found != known) {
            let found = format!("activation {found:?}");
            return Err(ModelError::unsupported(found, &format!("{known:?}")));
        }
        let caps = [self.attn_logit_softcapping, self.final_logit_softcapping];
        if let Some(cap) = caps.into_iter().flatten().next() {
            let found = format!("a soft cap of {cap} on logits");
            return Err(ModelError::unsupported(found, "logits without a cap"));
        }
        if self.use_bidirectional_attention == Some(true) {
            let found = "attention to later positions".to_owned();
            return Err(ModelError::unsupported(found, "causal attention"));
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
            // Gemma's is part of its layers.
            Architecture::Llama | Architecture::Gemma3 => false,
            Architecture::Mistral => true,
            // These carry a window's length even where no layer slides.
            Architecture::Qwen2 | Architecture::Qwen3 => self.use_sliding_window.unwrap_or(false),
        };
        self.sliding_window.filter(|_| used)
    }

    /// Rope, and the positions to which it stretches the model where the description says so.
    fn rope(&self, architecture: Architecture) -> Result<(RopeSpec, Option<usize>), ModelError> {
        let config = self.rope_parameters.as_ref().or(self.rope_scaling.as_ref());
        let config = config.map(|config| config.full_attention.as_deref().unwrap_or(config));
        let default = match architecture {
            Architecture::Gemma3 => 1_000_000.0,
            Architecture::Llama
            | Architecture::Mistral
            | Architecture::Qwen2
            | Architecture::Qwen3 => 10_000.0,
        };
        let theta = config
            .and_then(|config| config.rope_theta)
            .or(self.rope_theta)
            .unwrap_or(default);
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

    #[expect(clippy::cast_possible_truncation, reason = "the kernels take f32")]
    fn gemma_attention_scale(&self) -> f32 {
        let scalar = self.query_pre_attn_scalar.unwrap_or(256.0);
        (1.0 / scalar.sqrt()) as f32
    }

    /// The layers that slide, with a rope of their own that is never stretched.
    fn gemma_local_layers(&self) -> Result<LocalLayers, ModelError> {
        let fault = |fault: String| Err(ModelError::spec("config.json's layers", fault));
        let Some(window) = self.sliding_window else {
            return fault("slide, but there is no \"sliding_window\"".to_owned());
        };
        let layers = self.num_hidden_layers;
        let which = match &self.layer_types {
            // The number is proved later; until then it may be absurd.
            None if layers > MOST_LAYERS => Vec::new(),
            None => LocalLayers::all_but_every(self.sliding_window_pattern.unwrap_or(6), layers),
            Some(types) => {
                let mut which = Vec::with_capacity(types.len());
                for kind in types {
                    which.push(match kind.as_str() {
                        "sliding_attention" => true,
                        "full_attention" => false,
                        other => {
                            let found = format!("layer type {other:?}");
                            let known = "\"sliding_attention\" and \"full_attention\"";
                            return Err(ModelError::unsupported(found, known));
                        }
                    });
                }
                which
            }
        };
        let parameters = self.rope_parameters.as_ref();
        let theta = parameters
            .and_then(|rope| rope.sliding_attention.as_ref()?.rope_theta)
            .or(self.rope_local_base_freq)
            .unwrap_or(10_000.0);
        let rope = RopeSpec {
            theta,
            style: RopeStyle::Halves,
            scaling: RopeScaling::None,
        };
        Ok(LocalLayers {
            window,
            which,
            rope,
        })
    }
}
