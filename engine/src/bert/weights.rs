//! The weights of a family under BERT's names.
//!
//! candle's BERT asks for `encoder.layer.0.attention.self.query.weight`; what it gets is the tensor
//! of that meaning, whatever the family calls it.

use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};

use super::config::{BertConfig, Family};

/// Finds tensors by BERT's names.
pub(super) struct FamilyWeights<'w> {
    weights: VarBuilder<'w>,
    family: Family,
    /// What stands before all names: a model with a head has the family's name there.
    prefix: &'static str,
    first_position: usize,
}

/// BERT's names within a layer, and DistilBERT's.
const DISTILBERT: [(&str, &str); 8] = [
    ("attention.self.query", "attention.q_lin"),
    ("attention.self.key", "attention.k_lin"),
    ("attention.self.value", "attention.v_lin"),
    ("attention.output.dense", "attention.out_lin"),
    ("attention.output.LayerNorm", "sa_layer_norm"),
    ("intermediate.dense", "ffn.lin1"),
    ("output.dense", "ffn.lin2"),
    ("output.LayerNorm", "output_layer_norm"),
];

impl<'w> FamilyWeights<'w> {
    pub(super) fn new(weights: VarBuilder<'w>, config: &BertConfig) -> Self {
        let prefix = match config.family {
            Family::Bert => "bert.",
            Family::DistilBert => "distilbert.",
            Family::Roberta => "roberta.",
        };
        let there = weights.contains_tensor(&format!("{prefix}embeddings.word_embeddings.weight"));
        Self {
            weights,
            family: config.family,
            prefix: if there { prefix } else { "" },
            first_position: config.first_position,
        }
    }

    /// What the family calls the tensor that BERT calls `name`.
    fn name(&self, name: &str) -> String {
        let prefix = self.prefix;
        let named = match (self.family, name.strip_prefix("encoder.layer.")) {
            (Family::DistilBert, Some(rest)) => {
                let (layer, inner) = rest.split_once('.').unwrap_or((rest, ""));
                let theirs = DISTILBERT.iter().find_map(|(ours, theirs)| {
                    Some((theirs, inner.strip_prefix(ours)?.strip_prefix('.')?))
                });
                match theirs {
                    Some((theirs, kind)) => {
                        format!("{prefix}transformer.layer.{layer}.{theirs}.{kind}")
                    }
                    None => format!("{prefix}transformer.layer.{rest}"),
                }
            }
            (Family::Bert | Family::Roberta | Family::DistilBert, _) => format!("{prefix}{name}"),
        };
        if self.weights.contains_tensor(&named) {
            return named;
        }
        // The oldest checkpoints keep TensorFlow's names.
        let old = named
            .strip_suffix("LayerNorm.weight")
            .map(|start| format!("{start}LayerNorm.gamma"))
            .or_else(|| {
                Some(format!(
                    "{}LayerNorm.beta",
                    named.strip_suffix("LayerNorm.bias")?
                ))
            });
        old.filter(|old| self.weights.contains_tensor(old))
            .unwrap_or(named)
    }
}

impl SimpleBackend for FamilyWeights<'_> {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        _: Init,
        kind: DType,
        device: &Device,
    ) -> Result<Tensor> {
        match (self.family, name) {
            (Family::DistilBert, "embeddings.token_type_embeddings.weight") => {
                Tensor::zeros(shape, kind, device)
            }
            (Family::Roberta, "embeddings.position_embeddings.weight") => {
                let (rows, width) = shape.dims2()?;
                let table = (self.first_position + rows, width);
                let table = self.weights.get(table, &self.name(name))?;
                table.narrow(0, self.first_position, rows)?.contiguous()
            }
            _ => self.weights.get(shape, &self.name(name)),
        }
    }

    fn get_unchecked(&self, name: &str, kind: DType, _: &Device) -> Result<Tensor> {
        self.weights.get_unchecked_dtype(&self.name(name), kind)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.weights.contains_tensor(&self.name(name))
    }
}
