//! What `config.json` says of a model of the family.

use std::path::Path;

use candle_transformers::models::bert::{Config, HiddenAct, PositionEmbeddingType};
use serde::Deserialize;
use serde_json::Value;

use crate::checkpoint::{EncoderError, MAX_SIZE};

/// A model's description, proved.
#[derive(Debug, Clone)]
pub(crate) struct BertConfig {
    pub(crate) family: Family,
    /// Sizes in candle's form. `max_position_embeddings` counts those that texts use.
    pub(crate) sizes: Config,
    /// The row of the position table that a text's first token has.
    pub(crate) first_position: usize,
}

/// Whose names, and whose head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// BERT.
    Bert,
    /// DistilBERT: BERT without token types, under other names.
    DistilBert,
    /// RoBERTa and XLM-RoBERTa: BERT whose positions begin behind the padding's.
    Roberta,
}

/// The keys, with DistilBERT's names for them. Defaults are those of `transformers`.
#[derive(Deserialize)]
struct Described {
    vocab_size: usize,
    #[serde(alias = "dim")]
    hidden_size: usize,
    #[serde(alias = "n_layers")]
    num_hidden_layers: usize,
    #[serde(alias = "n_heads")]
    num_attention_heads: usize,
    #[serde(alias = "hidden_dim")]
    intermediate_size: usize,
    #[serde(alias = "activation")]
    hidden_act: Activation,
    max_position_embeddings: usize,
    type_vocab_size: Option<usize>,
    layer_norm_eps: Option<f64>,
    pad_token_id: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Activation {
    Gelu,
    #[serde(alias = "gelu_pytorch_tanh")]
    GeluNew,
    Relu,
}

/// Fewest positions that leave room for a text.
const MIN_POSITIONS: usize = 4;

impl BertConfig {
    /// Proves a description; `path` is its file.
    pub(crate) fn read(path: &Path, value: &Value) -> Result<Self, EncoderError> {
        let family = family(path, value)?;
        let described = Described::deserialize(value);
        let described = described.map_err(|error| EncoderError::corrupt(path, error))?;
        let types = match family {
            // There is no table of them; two rows of zeros stand for it.
            Family::DistilBert => 2,
            Family::Bert | Family::Roberta => described.type_vocab_size.unwrap_or(2),
        };
        let pad = described
            .pad_token_id
            .unwrap_or_else(|| usize::from(family == Family::Roberta));
        let first_position = match family {
            Family::Bert | Family::DistilBert => 0,
            Family::Roberta => pad.saturating_add(1),
        };
        let sizes = Config {
            vocab_size: described.vocab_size,
            hidden_size: described.hidden_size,
            num_hidden_layers: described.num_hidden_layers,
            num_attention_heads: described.num_attention_heads,
            intermediate_size: described.intermediate_size,
            hidden_act: match described.hidden_act {
                Activation::Gelu => HiddenAct::Gelu,
                Activation::GeluNew => HiddenAct::GeluApproximate,
                Activation::Relu => HiddenAct::Relu,
            },
            hidden_dropout_prob: 0.0,
            max_position_embeddings: described.max_position_embeddings,
            type_vocab_size: types,
            initializer_range: 0.0,
            layer_norm_eps: described.layer_norm_eps.unwrap_or(1e-12),
            pad_token_id: pad,
            position_embedding_type: PositionEmbeddingType::Absolute,
            use_cache: false,
            classifier_dropout: None,
            model_type: None,
        };
        prove(path, &sizes)?;
        let positions = sizes.max_position_embeddings.saturating_sub(first_position);
        if positions < MIN_POSITIONS {
            let why = "`max_position_embeddings` leaves no room for a text";
            return Err(EncoderError::corrupt(path, why));
        }
        Ok(Self {
            family,
            sizes: Config {
                max_position_embeddings: positions,
                ..sizes
            },
            first_position,
        })
    }
}

fn family(path: &Path, value: &Value) -> Result<Family, EncoderError> {
    let unsupported = |what, found: &Value, known| EncoderError::Unsupported {
        path: path.to_owned(),
        what,
        found: found.to_string(),
        known,
    };
    let kind = &value["model_type"];
    let family = match kind.as_str() {
        Some("bert") => Family::Bert,
        Some("distilbert") => Family::DistilBert,
        Some("roberta" | "xlm-roberta") => Family::Roberta,
        _ => {
            let known = "bert, distilbert, roberta and xlm-roberta";
            return Err(unsupported("model_type", kind, known));
        }
    };
    let positions = &value["position_embedding_type"];
    if !positions.is_null() && positions != "absolute" {
        let what = "position_embedding_type";
        return Err(unsupported(what, positions, "\"absolute\""));
    }
    Ok(family)
}

fn prove(path: &Path, sizes: &Config) -> Result<(), EncoderError> {
    let named = [
        ("vocab_size", sizes.vocab_size),
        ("hidden_size", sizes.hidden_size),
        ("num_hidden_layers", sizes.num_hidden_layers),
        ("num_attention_heads", sizes.num_attention_heads),
        ("intermediate_size", sizes.intermediate_size),
        ("max_position_embeddings", sizes.max_position_embeddings),
        ("type_vocab_size", sizes.type_vocab_size),
    ];
    let unfit = |size: usize| size == 0 || size > MAX_SIZE;
    if let Some((name, size)) = named.iter().find(|(_, size)| unfit(*size)) {
        let why = format!("`{name}` must be from 1 to {MAX_SIZE}, but is {size}");
        return Err(EncoderError::corrupt(path, why));
    }
    let (hidden, heads) = (sizes.hidden_size, sizes.num_attention_heads);
    if hidden % heads != 0 {
        let why = format!("`hidden_size` {hidden} is no multiple of `num_attention_heads` {heads}");
        return Err(EncoderError::corrupt(path, why));
    }
    if sizes.pad_token_id >= sizes.vocab_size {
        let why = format!("`pad_token_id` {} is no token", sizes.pad_token_id);
        return Err(EncoderError::corrupt(path, why));
    }
    Ok(())
}
