//! The forward pass, and how rows become vectors.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::BertModel;

use super::error::EncoderError;
use super::files::{EncoderFiles, Pooling};
use crate::mapped::map_file;

/// A model of the BERT family with its pooling.
pub(super) struct Bert {
    model: BertModel,
    pooling: Pooling,
    normalise: bool,
    pad: u32,
}

impl Bert {
    pub(super) fn load(files: &EncoderFiles) -> std::result::Result<Self, EncoderError> {
        let path = &files.weights;
        let bytes = map_file(path).map_err(|error| EncoderError::Read {
            path: path.clone(),
            why: error.to_string(),
        })?;
        let model = VarBuilder::from_slice_safetensors(&bytes, DType::F32, &Device::Cpu)
            .and_then(|weights| BertModel::load(weights, &files.config))
            .map_err(|error| EncoderError::corrupt(path, error))?;
        Ok(Self {
            model,
            pooling: files.pooling,
            normalise: files.normalise,
            pad: u32::try_from(files.config.pad_token_id).unwrap_or(0),
        })
    }

    /// The vectors of some texts, each of one token or more.
    pub(super) fn embed(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>> {
        let longest = texts.iter().map(|ids| ids.len()).max().unwrap_or(0);
        let shape = (texts.len(), longest);
        let padded = |row: &&[u32], fill| {
            let missing = longest - row.len();
            row.iter()
                .copied()
                .chain(std::iter::repeat_n(fill, missing))
                .collect::<Vec<_>>()
        };
        let ids: Vec<u32> = texts.iter().flat_map(|row| padded(row, self.pad)).collect();
        let mask: Vec<u32> = texts
            .iter()
            .flat_map(|row| (0..longest).map(move |at| u32::from(at < row.len())))
            .collect();
        let ids = Tensor::from_vec(ids, shape, &Device::Cpu)?;
        let mask = Tensor::from_vec(mask, shape, &Device::Cpu)?;
        let types = ids.zeros_like()?;
        let rows = self.model.forward(&ids, &types, Some(&mask))?;
        let vectors = self.pool(&rows, &mask)?;
        let vectors = if self.normalise {
            normalised(&vectors)?
        } else {
            vectors
        };
        vectors.to_vec2()
    }

    /// Rows of shape (texts, tokens, width) to vectors of shape (texts, width), padding left out.
    fn pool(&self, rows: &Tensor, mask: &Tensor) -> Result<Tensor> {
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

/// Vectors scaled to length 1; one of zeros stays.
fn normalised(vectors: &Tensor) -> Result<Tensor> {
    let norms = vectors.sqr()?.sum_keepdim(1)?.sqrt()?;
    vectors.broadcast_div(&norms.maximum(1e-12)?)
}
