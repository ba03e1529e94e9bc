//! A spec from GGUF metadata. Keys begin with the architecture's name; traits that no key names
//! (biases, norms, a tied head) are read from which tensors there are.

use super::inverse_root;
use super::layers::{LocalLayers, Norms};
use super::rope::{RopeScaling, RopeSpec, yarn_attention_factor};
use super::shape::{Architecture, Biases, MOST_LAYERS, ModelSpec};
use crate::gguf::{FromValue, Metadata};
use crate::kernels::RopeStyle;
use crate::model::ModelError;
use crate::model::weights::{GgufShards, LayerTensor, TensorName, floats};

/// Architectures of GGUF files that are understood.
const SUPPORTED: [&str; 4] = ["llama", "qwen2", "qwen3", "gemma3"];

/// By which llama.cpp, too, knows Gemma 3 27B.
const GEMMA_27B_LAYERS: usize = 62;

/// Reads and proves the spec of a GGUF model.
pub(crate) fn from_gguf(shards: &GgufShards) -> Result<ModelSpec, ModelError> {
    let keys = Keys::of(shards)?;
    let has = |name| shards.shape(name).is_some();
    let layer_has = |tensor| has(TensorName::Layer(0, tensor));
    let hidden = keys.size("embedding_length")?;
    let heads = keys.size("attention.head_count")?;
    let head_dim = keys.head_dim(hidden, heads)?;
    keys.refuse_unknown_traits(head_dim)?;
    let layers = keys.size("block_count")?;
    let gemma = keys.architecture == Architecture::Gemma3;
    let mut notes = Vec::new();
    let mut max_positions = keys.size("context_length")?;
    let window = keys.get::<u32>("attention.sliding_window")?;
    let window = window.filter(|window| *window > 0).map(|w| w as usize);
    let local = match window {
        Some(window) if gemma => Some(keys.gemma_local_layers(window, layers)?),
        Some(window) => {
            max_positions = super::cap_to_window(max_positions, window, &mut notes);
            None
        }
        None => None,
    };
    ModelSpec {
        architecture: keys.architecture,
        hidden,
        layers,
        heads,
        kv_heads: match keys.get::<u32>("attention.head_count_kv")? {
            Some(kv_heads) => kv_heads as usize,
            None => heads,
        },
        head_dim,
        ffn: keys.size("feed_forward_length")?,
        vocab: vocab(shards)?,
        norms: Norms {
            heads: gemma || layer_has(LayerTensor::QueryNorm),
            after: gemma,
            // Converters write Gemma's weights with the 1 added.
            ..Norms::before(keys.require("attention.layer_norm_rms_epsilon")?)
        },
        activation: keys.architecture.activation(),
        embedding_scale: keys.architecture.embedding_scale(hidden),
        attention_scale: match (gemma, hidden.checked_div(heads)) {
            // The 27B model's factor is another than the head's width, and no key names it.
            (true, Some(share)) if layers == GEMMA_27B_LAYERS => inverse_root(share),
            (_, _) => inverse_root(head_dim),
        },
        rope: keys.rope(head_dim)?,
        local,
        biases: Biases {
            qkv: layer_has(LayerTensor::QueryBias),
            output: layer_has(LayerTensor::OutputBias),
            ffn: layer_has(LayerTensor::DownBias),
        },
        tied_head: !has(TensorName::Head),
        max_positions,
        notes,
    }
    .proved()
}

/// The embedding has one row a token; not every file says the number otherwise.
fn vocab(shards: &GgufShards) -> Result<usize, ModelError> {
    match shards.shape(TensorName::Embedding).as_deref() {
        Some(&[vocab, _]) => Ok(vocab),
        Some(_) | None => Err(shards.missing(TensorName::Embedding)),
    }
}

/// Metadata under the architecture's prefix.
struct Keys<'a> {
    architecture: Architecture,
    prefix: &'static str,
    shards: &'a GgufShards,
    metadata: Metadata<'a>,
}

impl<'a> Keys<'a> {
    fn of(shards: &'a GgufShards) -> Result<Self, ModelError> {
        let metadata = shards.metadata();
        let found: &str = metadata
            .require("general.architecture")
            .map_err(|error| shards.error(error))?;
        let (architecture, prefix) = match found {
            "llama" => (Architecture::Llama, "llama"),
            "qwen2" => (Architecture::Qwen2, "qwen2"),
            "qwen3" => (Architecture::Qwen3, "qwen3"),
            "gemma3" => (Architecture::Gemma3, "gemma3"),
            other => return Err(ModelError::architecture(other, &SUPPORTED)),
        };
        Ok(Self {
            architecture,
            prefix,
            shards,
            metadata,
        })
    }

    fn get<T: FromValue<'a>>(&self, key: &str) -> Result<Option<T>, ModelError> {
        let key = format!("{}.{key}", self.prefix);
        self.metadata
            .get(&key)
            .map_err(|error| self.shards.error(error))
    }

    fn require<T: FromValue<'a>>(&self, key: &str) -> Result<T, ModelError> {
        let key = format!("{}.{key}", self.prefix);
        self.metadata
            .require(&key)
            .map_err(|error| self.shards.error(error))
    }

    fn size(&self, key: &str) -> Result<usize, ModelError> {
        self.require::<u32>(key).map(|size| size as usize)
    }

    fn head_dim(&self, hidden: usize, heads: usize) -> Result<usize, ModelError> {
        let Some(key_length) = self.get::<u32>("attention.key_length")? else {
            return super::head_dim_of(hidden, heads);
        };
        let value_length = self.get::<u32>("attention.value_length")?;
        match value_length {
            Some(value_length) if value_length != key_length => Err(ModelError::unsupported(
                format!("values of {value_length} per head beside keys of {key_length}"),
                "values and keys of one length",
            )),
            Some(_) | None => Ok(key_length as usize),
        }
    }

    /// Traits that other models of these architectures' names have, and that would give wrong
    /// tokens if they were passed over.
    fn refuse_unknown_traits(&self, head_dim: usize) -> Result<(), ModelError> {
        if let Some(experts) = self.get::<u32>("expert_count")?.filter(|count| *count > 0) {
            return Err(ModelError::unsupported(
                format!("a mixture of {experts} experts"),
                "dense feed-forward layers",
            ));
        }
        for key in ["attn_logit_softcapping", "final_logit_softcapping"] {
            if let Some(cap) = self.get::<f32>(key)?.filter(|cap| *cap != 0.0) {
                let found = format!("a soft cap of {cap} on logits");
                return Err(ModelError::unsupported(found, "logits without a cap"));
            }
        }
        let turned = self.get::<u32>("rope.dimension_count")?;
        match turned {
            Some(turned) if turned as usize != head_dim => Err(ModelError::unsupported(
                format!("rope over {turned} of {head_dim} values of a head"),
                "rope over whole heads",
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// Five layers that slide, one that does not, and so on, where the file says nothing else. Those
    /// that slide have a rope of their own that is never stretched.
    fn gemma_local_layers(&self, window: usize, layers: usize) -> Result<LocalLayers, ModelError> {
        let period = self.get::<u32>("attention.sliding_window_pattern")?;
        let theta = self.get::<f32>("rope.freq_base_swa")?.unwrap_or(10_000.0);
        Ok(LocalLayers {
            window,
            which: match layers {
                0..=MOST_LAYERS => LocalLayers::all_but_every(period.unwrap_or(6) as usize, layers),
                // Refused later.
                _ => Vec::new(),
            },
            rope: RopeSpec {
                theta: f64::from(theta),
                style: RopeStyle::Halves,
                scaling: RopeScaling::None,
            },
        })
    }

    fn rope(&self, head_dim: usize) -> Result<RopeSpec, ModelError> {
        let style = match self.architecture {
            // Converters reorder the rows of Llama's queries and keys for this style.
            Architecture::Llama | Architecture::Mistral => RopeStyle::Interleaved,
            Architecture::Qwen2 | Architecture::Qwen3 | Architecture::Gemma3 => RopeStyle::Halves,
        };
        let theta = self.get::<f32>("rope.freq_base")?.unwrap_or(10_000.0);
        let scaling = match self.shards.shape(TensorName::RopeDivisors) {
            Some(_) => {
                let divisors = self
                    .shards
                    .tensor(TensorName::RopeDivisors, &[head_dim / 2])?;
                RopeScaling::Divisors(floats(&divisors)?)
            }
            None => self.rope_scaling()?,
        };
        Ok(RopeSpec {
            theta: f64::from(theta),
            style,
            scaling,
        })
    }

    fn rope_scaling(&self) -> Result<RopeScaling, ModelError> {
        let float = |key| self.get::<f32>(key).map(|found| found.map(f64::from));
        let kind = self.get::<&str>("rope.scaling.type")?;
        let factor = float("rope.scaling.factor")?;
        match kind {
            // Files older than `rope.scaling` have one number.
            None => match float("rope.scale_linear")? {
                Some(factor) => Ok(RopeScaling::Linear { factor }),
                None => Ok(RopeScaling::None),
            },
            Some("none") => Ok(RopeScaling::None),
            Some("linear") => Ok(RopeScaling::Linear {
                factor: factor.unwrap_or(1.0),
            }),
            Some("yarn") => {
                let factor = factor.unwrap_or(1.0);
                let original = self.require::<u32>("rope.scaling.original_context_length")?;
                let attention = float("rope.scaling.attn_factor")?.unwrap_or(1.0);
                Ok(RopeScaling::Yarn {
                    factor,
                    original_max_positions: f64::from(original),
                    beta_fast: float("rope.scaling.yarn_beta_fast")?.unwrap_or(32.0),
                    beta_slow: float("rope.scaling.yarn_beta_slow")?.unwrap_or(1.0),
                    attention_factor: Some(attention * yarn_attention_factor(factor)),
                })
            }
            Some(other) => Err(ModelError::unsupported(
                format!("rope scaling {other:?}"),
                "none, linear and yarn (and divisors in the tensor rope_freqs.weight)",
            )),
        }
    }
}
