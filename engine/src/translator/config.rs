//! What the descriptions of a T5 say.

use std::path::Path;

use candle_nn::Activation;
use serde::Deserialize;

use crate::checkpoint::{EncoderError, Folder, MAX_SIZE};

/// A model's description, proved.
#[derive(Debug, Clone)]
pub(super) struct T5Config {
    pub(super) vocab_size: usize,
    pub(super) width: usize,
    /// Numbers of a head's key.
    pub(super) head_size: usize,
    pub(super) heads: usize,
    /// Width between the two products of a feed-forward layer.
    pub(super) inner: usize,
    pub(super) encoder_layers: usize,
    pub(super) decoder_layers: usize,
    pub(super) buckets: usize,
    /// From this distance on all tokens are equally far.
    pub(super) max_distance: usize,
    pub(super) epsilon: f64,
    pub(super) activation: Activation,
    /// Whether the activation gates a second product.
    pub(super) gated: bool,
    /// Whether rows are scaled by the root of the width before the logits: where the model was
    /// trained with the embeddings as its head.
    pub(super) scaled: bool,
    /// The token before a text's first.
    pub(super) start: u32,
    /// The tokens that end a text.
    pub(super) ends: Vec<u32>,
}

/// The keys; defaults are those of `transformers`.
#[derive(Deserialize)]
struct Described {
    vocab_size: usize,
    d_model: usize,
    d_kv: usize,
    d_ff: usize,
    num_layers: usize,
    num_decoder_layers: Option<usize>,
    num_heads: usize,
    relative_attention_num_buckets: Option<usize>,
    relative_attention_max_distance: Option<usize>,
    layer_norm_epsilon: Option<f64>,
    feed_forward_proj: Option<String>,
    tie_word_embeddings: Option<bool>,
    scale_decoder_outputs: Option<bool>,
}

/// Where a text begins and ends, in `generation_config.json` or `config.json`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Marks {
    decoder_start_token_id: Option<u32>,
    pad_token_id: Option<u32>,
    eos_token_id: Option<Ids>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Ids {
    One(u32),
    Several(Vec<u32>),
}

impl T5Config {
    /// Reads and proves the descriptions in a folder.
    pub(super) fn read(folder: &Folder) -> Result<Self, EncoderError> {
        let (path, value) = folder.config()?;
        let corrupt = |why: String| EncoderError::corrupt(&path, why);
        let kind = &value["model_type"];
        let first_generation = match kind.as_str() {
            Some("t5") => true,
            Some("mt5") => false,
            _ => {
                return Err(EncoderError::Unsupported {
                    path,
                    what: "model_type",
                    found: kind.to_string(),
                    known: "t5 and mt5",
                });
            }
        };
        let described = Described::deserialize(&value);
        let described = described.map_err(|error| corrupt(error.to_string()))?;
        let (activation, gated) = activation(&path, described.feed_forward_proj.as_deref())?;
        let marks = Marks::deserialize(&value).map_err(|error| corrupt(error.to_string()))?;
        let written: Marks = folder.json("generation_config.json")?.unwrap_or_default();
        let tied = described.tie_word_embeddings.unwrap_or(true);
        let pad = written.pad_token_id.or(marks.pad_token_id).unwrap_or(0);
        let start = written
            .decoder_start_token_id
            .or(marks.decoder_start_token_id);
        let config = Self {
            vocab_size: described.vocab_size,
            width: described.d_model,
            head_size: described.d_kv,
            heads: described.num_heads,
            inner: described.d_ff,
            encoder_layers: described.num_layers,
            decoder_layers: described.num_decoder_layers.unwrap_or(described.num_layers),
            buckets: described.relative_attention_num_buckets.unwrap_or(32),
            max_distance: described.relative_attention_max_distance.unwrap_or(128),
            epsilon: described.layer_norm_epsilon.unwrap_or(1e-6),
            activation,
            gated,
            scaled: first_generation && described.scale_decoder_outputs.unwrap_or(tied),
            start: start.unwrap_or(pad),
            ends: match written.eos_token_id.or(marks.eos_token_id) {
                None => vec![1],
                Some(Ids::One(id)) => vec![id],
                Some(Ids::Several(ids)) => ids,
            },
        };
        config.prove(&path)?;
        Ok(config)
    }

    fn prove(&self, path: &Path) -> Result<(), EncoderError> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("d_model", self.width),
            ("d_kv", self.head_size),
            ("num_heads", self.heads),
            ("d_ff", self.inner),
            ("num_layers", self.encoder_layers),
            ("num_decoder_layers", self.decoder_layers),
            ("relative_attention_num_buckets", self.buckets),
            ("relative_attention_max_distance", self.max_distance),
        ];
        let unfit = |size: usize| size == 0 || size > MAX_SIZE;
        if let Some((name, size)) = sizes.iter().find(|(_, size)| unfit(*size)) {
            let why = format!("`{name}` must be from 1 to {MAX_SIZE}, but is {size}");
            return Err(EncoderError::corrupt(path, why));
        }
        if self.buckets < 4 || self.max_distance <= self.buckets / 2 {
            let why = format!(
                "{} buckets do not divide distances up to {}: there must be 4 or more, and less than \
                 twice the distance",
                self.buckets, self.max_distance
            );
            return Err(EncoderError::corrupt(path, why));
        }
        let marks = self.ends.iter().chain([&self.start]);
        let beyond = |id: &&u32| usize::try_from(**id).is_ok_and(|id| id >= self.vocab_size);
        if let Some(id) = marks.into_iter().find(beyond) {
            let why = format!(
                "the token {id} begins or ends a text, but there are {}",
                self.vocab_size
            );
            return Err(EncoderError::corrupt(path, why));
        }
        Ok(())
    }
}

/// `relu`, or `gated-gelu` with a gate; `gelu` behind a gate is the approximation by tanh.
fn activation(path: &Path, named: Option<&str>) -> Result<(Activation, bool), EncoderError> {
    Ok(match named.unwrap_or("relu") {
        "relu" => (Activation::Relu, false),
        "gelu" => (Activation::Gelu, false),
        "gelu_new" => (Activation::NewGelu, false),
        "silu" => (Activation::Silu, false),
        "gated-relu" => (Activation::Relu, true),
        "gated-gelu" | "gated-gelu_new" => (Activation::NewGelu, true),
        "gated-silu" => (Activation::Silu, true),
        other => {
            return Err(EncoderError::Unsupported {
                path: path.to_owned(),
                what: "feed_forward_proj",
                found: format!("{other:?}"),
                known: "relu, gelu, gelu_new and silu, and gated- before these",
            });
        }
    })
}
