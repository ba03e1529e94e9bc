//! The shape of a model of the Llama family, and the proof that it is sane.

use super::layers::{Activation, LocalLayers, Norms};
use super::rope::RopeSpec;
use super::shared::root;
use crate::model::ModelError;

/// Architectures that the forward pass computes. They differ in what [`ModelSpec`]'s flags say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Architecture {
    /// Llama 2 and 3, SmolLM2, and whatever calls itself so.
    Llama,
    /// Mistral 7B and its kin, as `config.json` names them (GGUF calls them `llama`).
    Mistral,
    /// Qwen2 and Qwen2.5: biases on query, key and value.
    Qwen2,
    /// Qwen3: norms on each head's query and key.
    Qwen3,
    /// Gemma 3, text: norms before and after, most layers with a sliding window.
    Gemma3,
}

/// Sizes and traits of a model. Sizes are numbers of values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ModelSpec {
    pub(crate) architecture: Architecture,
    /// Width of the residual stream.
    pub(crate) hidden: usize,
    pub(crate) layers: usize,
    /// Query heads.
    pub(crate) heads: usize,
    /// Key and value heads; each serves `heads / kv_heads` query heads (GQA).
    pub(crate) kv_heads: usize,
    pub(crate) head_dim: usize,
    /// Width of the feed-forward layer.
    pub(crate) ffn: usize,
    pub(crate) vocab: usize,
    pub(crate) norms: Norms,
    pub(crate) activation: Activation,
    /// Factor on the rows of the embedding.
    pub(crate) embedding_scale: f32,
    /// Factor on the products of queries and keys.
    pub(crate) attention_scale: f32,
    /// Of the layers that see all positions.
    pub(crate) rope: RopeSpec,
    /// The others, where there are any.
    pub(crate) local: Option<LocalLayers>,
    pub(crate) biases: Biases,
    /// Whether the embedding's matrix is the head's too.
    pub(crate) tied_head: bool,
    /// Positions that the model was made for; cut to the sliding window where it has one.
    pub(crate) max_positions: usize,
    /// What a user should know about how this model is run.
    pub(crate) notes: Vec<String>,
}

/// Which products have a bias.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Biases {
    pub(crate) qkv: bool,
    pub(crate) output: bool,
    pub(crate) ffn: bool,
}

impl Architecture {
    /// Its name in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Mistral => "mistral",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
            Self::Gemma3 => "gemma3",
        }
    }

    /// The gate's activation.
    pub(super) fn activation(self) -> Activation {
        match self {
            Self::Gemma3 => Activation::GeluTanh,
            Self::Llama | Self::Mistral | Self::Qwen2 | Self::Qwen3 => Activation::Silu,
        }
    }

    /// Factor on the rows of the embedding.
    pub(super) fn embedding_scale(self, hidden: usize) -> f32 {
        match self {
            Self::Gemma3 => root(hidden),
            Self::Llama | Self::Mistral | Self::Qwen2 | Self::Qwen3 => 1.0,
        }
    }
}

impl ModelSpec {
    /// Values of all query heads of a position.
    pub(crate) fn q_width(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Values of all key (or value) heads of a position.
    pub(crate) fn kv_width(&self) -> usize {
        self.kv_heads * self.head_dim
    }

    /// The window of a layer that has one.
    pub(crate) fn window(&self, layer: usize) -> Option<usize> {
        let local = self.local.as_ref()?;
        let slides = local.which.get(layer).copied().unwrap_or(false);
        slides.then_some(local.window)
    }

    /// Proves every size. Bounds are far above any model and far below overflow: the product of any
    /// three stays within 64 bits.
    pub(super) fn proved(self) -> Result<Self, ModelError> {
        let sizes = [
            ("hidden size", self.hidden, 1 << 17),
            ("number of layers", self.layers, MOST_LAYERS),
            ("number of heads", self.heads, 1 << 12),
            ("number of key-value heads", self.kv_heads, 1 << 12),
            ("head dimension", self.head_dim, 1 << 12),
            ("feed-forward size", self.ffn, 1 << 20),
            ("vocabulary size", self.vocab, 1 << 22),
            ("context length", self.max_positions, 1 << 24),
        ];
        for (what, found, most) in sizes {
            if found == 0 || found > most {
                return Err(ModelError::spec(
                    what,
                    format!("must be from 1 to {most}, but is {found}"),
                ));
            }
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            let fault = format!(
                "must divide the {} heads, but is {}",
                self.heads, self.kv_heads
            );
            return Err(ModelError::spec("number of key-value heads", fault));
        }
        if !self.head_dim.is_multiple_of(HEAD_DIM_STEP) {
            let fault = format!(
                "must be a multiple of {HEAD_DIM_STEP}, but is {}",
                self.head_dim
            );
            return Err(ModelError::spec("head dimension", fault));
        }
        for (what, found) in [
            ("embedding scale", self.embedding_scale),
            ("attention scale", self.attention_scale),
        ] {
            if !(found.is_finite() && found > 0.0) {
                let fault = format!("must be above 0, but is {found}");
                return Err(ModelError::spec(what, fault));
            }
        }
        self.norms.prove()?;
        if let Some(local) = &self.local {
            local.prove(self.layers, self.head_dim)?;
        }
        self.rope.prove(self.head_dim)?;
        Ok(self)
    }
}

/// Far above any model.
pub(super) const MOST_LAYERS: usize = 1 << 12;

/// The attention kernel reads heads by vectors of so many values.
const HEAD_DIM_STEP: usize = 16;
