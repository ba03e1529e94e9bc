//! How rows become vectors.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;

use super::files::{EncoderFiles, Pooling};
use crate::batching::BatchModel;
use crate::bert::{Bert, Rows};
use crate::checkpoint::{EncodeError, EncoderError, Folder, Queued, TokenIds, Tokens};

/// A model of the BERT family with its pooling.
pub(super) struct Pooled {
    model: Bert,
    pooling: Pooling,
    normalise: bool,
    tokens: Arc<Tokens>,
}

impl Pooled {
    pub(super) fn load(
        folder: &Folder,
        files: &EncoderFiles,
        tokens: Arc<Tokens>,
    ) -> std::result::Result<Self, EncoderError> {
        let (path, bytes) = folder.weights()?;
        let model = VarBuilder::from_slice_safetensors(&bytes, DType::F32, &Device::Cpu)
            .and_then(|weights| Bert::load(weights, &files.config))
            .map_err(|error| EncoderError::corrupt(&path, error))?;
        Ok(Self {
            model,
            pooling: files.pooling,
            normalise: files.normalise,
            tokens,
        })
    }

    fn vectors(&self, texts: &[&TokenIds]) -> Result<Vec<Vec<f32>>> {
        let vectors = self.pool(&self.model.rows(texts)?)?;
        let vectors = if self.normalise {
            normalised(&vectors)?
        } else {
            vectors
        };
        vectors.to_vec2()
    }

    /// Vectors of shape (texts, width), padding left out.
    fn pool(&self, Rows { rows, mask }: &Rows) -> Result<Tensor> {
        let mask = mask.to_dtype(DType::F32)?.unsqueeze(2)?;
        match self.pooling {
            Pooling::First => rows.narrow(1, 0, 1)?.squeeze(1),
            Pooling::Mean => {
                let sums = rows.broadcast_mul(&mask)?.sum(1)?;
                sums.broadcast_div(&mask.sum(1)?)
            }
            Pooling::Max => {
                let out = ((mask - 1.0)? * 1e9)?;
                rows.broadcast_add(&out)?.max(1)
            }
        }
    }
}

impl BatchModel for Pooled {
    type Input = Queued<String>;
    type Output = Vec<f32>;

    fn bytes(text: &Self::Input) -> usize {
        text.bytes(String::len)
    }

    fn tokens(&self, text: &Self::Input) -> std::result::Result<TokenIds, EncodeError> {
        text.ids(|text| self.tokens.ids(text, None))
    }

    fn compute(&self, batch: &[&TokenIds]) -> std::result::Result<Vec<Vec<f32>>, String> {
        let vectors = self.vectors(batch).map_err(|error| error.to_string())?;
        if vectors.iter().flatten().any(|number| !number.is_finite()) {
            return Err("a vector has a number that is not finite".to_owned());
        }
        Ok(vectors)
    }
}

/// Vectors scaled to length 1; one of zeros stays.
fn normalised(vectors: &Tensor) -> Result<Tensor> {
    let norms = vectors.sqr()?.sum_keepdim(1)?.sqrt()?;
    vectors.broadcast_div(&norms.maximum(1e-12)?)
}
