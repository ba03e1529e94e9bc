//! From the first row of a text to a logit for each label.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Linear, Module, VarBuilder, linear};

use super::files::ClassifierFiles;
use super::handle::ClassifierInput;
use super::scores::{LabelScores, Scale};
use crate::batching::BatchModel;
use crate::bert::{Bert, Family};
use crate::checkpoint::{EncodeError, EncoderError, Folder, Queued, TokenIds, Tokens};

/// A model of the BERT family with its head.
pub(super) struct Headed {
    model: Bert,
    head: Head,
    scale: Scale,
    tokens: Arc<Tokens>,
}

/// Two layers. BERT keeps the first one with the model, as its pooler.
struct Head {
    dense: Linear,
    activation: fn(&Tensor) -> Result<Tensor>,
    out: Linear,
}

impl Headed {
    pub(super) fn load(
        folder: &Folder,
        files: &ClassifierFiles,
        tokens: Arc<Tokens>,
    ) -> std::result::Result<Self, EncoderError> {
        let (path, bytes) = folder.weights()?;
        let load = |weights: VarBuilder<'_>| {
            let head = Head::load(&weights, files)?;
            Ok((Bert::load(weights, &files.config)?, head))
        };
        let (model, head) = VarBuilder::from_slice_safetensors(&bytes, DType::F32, &Device::Cpu)
            .and_then(load)
            .map_err(|error| EncoderError::corrupt(&path, error))?;
        Ok(Self {
            model,
            head,
            scale: files.scale,
            tokens,
        })
    }

    fn logits(&self, batch: &[&TokenIds]) -> Result<Vec<Vec<f32>>> {
        let rows = self.model.rows(batch)?.rows;
        let first = rows.narrow(1, 0, 1)?.squeeze(1)?;
        self.head.forward(&first)?.to_vec2()
    }
}

impl Head {
    fn load(weights: &VarBuilder<'_>, files: &ClassifierFiles) -> Result<Self> {
        let (dense, activation, out): (_, fn(&Tensor) -> Result<Tensor>, _) =
            match files.config.family {
                Family::Bert => ("bert.pooler.dense", Tensor::tanh, "classifier"),
                Family::DistilBert => ("pre_classifier", Tensor::relu, "classifier"),
                Family::Roberta => ("classifier.dense", Tensor::tanh, "classifier.out_proj"),
            };
        let (width, labels) = (files.config.sizes.hidden_size, files.labels.len());
        Ok(Self {
            dense: linear(width, width, weights.pp(dense))?,
            activation,
            out: linear(width, labels, weights.pp(out))?,
        })
    }

    /// From shape (texts, width) to (texts, labels).
    fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        let rows = (self.activation)(&self.dense.forward(rows)?)?;
        self.out.forward(&rows)
    }
}

impl BatchModel for Headed {
    type Input = Queued<ClassifierInput>;
    type Output = LabelScores;

    fn bytes(input: &Self::Input) -> usize {
        input.bytes(|input| input.text.len() + input.beside.as_ref().map_or(0, String::len))
    }

    fn tokens(&self, input: &Self::Input) -> std::result::Result<TokenIds, EncodeError> {
        input.ids(|input| self.tokens.ids(&input.text, input.beside.as_deref()))
    }

    fn compute(&self, batch: &[&TokenIds]) -> std::result::Result<Vec<LabelScores>, String> {
        let logits = self.logits(batch).map_err(|error| error.to_string())?;
        if logits.iter().flatten().any(|logit| !logit.is_finite()) {
            return Err("a logit is no finite number".to_owned());
        }
        let scores = logits.into_iter();
        Ok(scores.map(|l| LabelScores::of(l, self.scale)).collect())
    }
}
