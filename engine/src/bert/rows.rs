//! The forward pass.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::BertModel;

use super::config::{BertConfig, Family};
use super::weights::FamilyWeights;
use crate::checkpoint::TokenIds;

/// A model of the family without its head.
pub(crate) struct Bert {
    model: BertModel,
    pad: u32,
    /// Whether it tells the texts of a pair apart by types.
    types: bool,
}

/// What a batch becomes.
pub(crate) struct Rows {
    /// Shape (texts, tokens, width).
    pub(crate) rows: Tensor,
    /// 1 where there is a token, 0 where there is padding; shape (texts, tokens).
    pub(crate) mask: Tensor,
}

impl Bert {
    /// Takes the weights, which may be dropped then.
    pub(crate) fn load(weights: VarBuilder<'_>, config: &BertConfig) -> Result<Self> {
        let named = FamilyWeights::new(weights, config);
        let named = VarBuilder::from_backend(Box::new(named), DType::F32, Device::Cpu);
        Ok(Self {
            model: BertModel::load(named, &config.sizes)?,
            pad: u32::try_from(config.sizes.pad_token_id).unwrap_or(0),
            types: config.family == Family::Bert,
        })
    }

    /// The rows of some texts, each of one token or more.
    pub(crate) fn rows(&self, texts: &[&TokenIds]) -> Result<Rows> {
        let longest = texts.iter().map(|text| text.ids.len()).max().unwrap_or(0);
        let shape = (texts.len(), longest);
        let padded = |row: &[u32], fill: u32| {
            let missing = longest.saturating_sub(row.len());
            let padding = std::iter::repeat_n(fill, missing);
            row.iter().copied().chain(padding).collect::<Vec<_>>()
        };
        let ids: Vec<u32> = texts
            .iter()
            .flat_map(|t| padded(&t.ids, self.pad))
            .collect();
        let mask: Vec<u32> = texts
            .iter()
            .flat_map(|text| (0..longest).map(|at| u32::from(at < text.ids.len())))
            .collect();
        let ids = Tensor::from_vec(ids, shape, &Device::Cpu)?;
        let mask = Tensor::from_vec(mask, shape, &Device::Cpu)?;
        let types = if self.types {
            let types: Vec<u32> = texts.iter().flat_map(|t| padded(&t.types, 0)).collect();
            Tensor::from_vec(types, shape, &Device::Cpu)?
        } else {
            ids.zeros_like()?
        };
        let rows = self.model.forward(&ids, &types, Some(&mask))?;
        Ok(Rows { rows, mask })
    }
}
