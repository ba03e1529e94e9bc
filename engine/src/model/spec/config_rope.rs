//! How a `config.json` writes rope: in one object, under several names.

use serde::Deserialize;

use super::rope::RopeScaling;
use crate::model::ModelError;

/// `rope_scaling`, or the newer `rope_parameters`.
#[derive(Debug, Deserialize)]
pub(super) struct RopeConfig {
    rope_type: Option<String>,
    /// The older name of `rope_type`; some files have both.
    r#type: Option<String>,
    pub(super) rope_theta: Option<f64>,
    factor: Option<f64>,
    low_freq_factor: Option<f64>,
    high_freq_factor: Option<f64>,
    original_max_position_embeddings: Option<f64>,
    beta_fast: Option<f64>,
    beta_slow: Option<f64>,
    attention_factor: Option<f64>,
    mscale: Option<f64>,
    mscale_all_dim: Option<f64>,
    /// Of models with two kinds of layers: each kind has its own fields.
    pub(super) full_attention: Option<Box<RopeConfig>>,
    pub(super) sliding_attention: Option<Box<RopeConfig>>,
}

impl RopeConfig {
    /// The scaling, and the positions to which it stretches the model where that is its purpose.
    pub(super) fn scaling(
        &self,
        max_positions: usize,
    ) -> Result<(RopeScaling, Option<usize>), ModelError> {
        let need = |name: &'static str, value: Option<f64>| {
            value.ok_or_else(|| {
                ModelError::spec("config.json's rope scaling", format!("has no {name:?}"))
            })
        };
        let factor = || need("factor", self.factor);
        let original = || {
            let name = "original_max_position_embeddings";
            need(name, self.original_max_position_embeddings)
        };
        match self.rope_type.as_deref().or(self.r#type.as_deref()) {
            None | Some("default") => Ok((RopeScaling::None, None)),
            Some("linear") => Ok((RopeScaling::Linear { factor: factor()? }, None)),
            Some("llama3") => {
                let scaling = RopeScaling::Llama3 {
                    factor: factor()?,
                    low_freq_factor: need("low_freq_factor", self.low_freq_factor)?,
                    high_freq_factor: need("high_freq_factor", self.high_freq_factor)?,
                    original_max_positions: original()?,
                };
                Ok((scaling, None))
            }
            Some("yarn") => Ok(self.yarn(factor()?, max_positions)),
            Some(other) => Err(ModelError::unsupported(
                format!("rope scaling {other:?}"),
                "default, linear, llama3 and yarn",
            )),
        }
    }

    /// YaRN; the model reaches as far as the factor stretches its original context.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a cast from float saturates, and the spec bounds what comes out"
    )]
    fn yarn(&self, factor: f64, max_positions: usize) -> (RopeScaling, Option<usize>) {
        let original = self
            .original_max_position_embeddings
            .unwrap_or(max_positions as f64);
        let attention_factor = match (self.attention_factor, self.mscale, self.mscale_all_dim) {
            (Some(given), _, _) => Some(given),
            (None, Some(mscale), Some(all_dim)) if mscale != 0.0 && all_dim != 0.0 => {
                let scale = |mscale: f64| 0.1f64.mul_add(mscale * factor.max(1.0).ln(), 1.0);
                Some(scale(mscale) / scale(all_dim))
            }
            (None, _, _) => None,
        };
        let scaling = RopeScaling::Yarn {
            factor,
            original_max_positions: original,
            beta_fast: self.beta_fast.unwrap_or(32.0),
            beta_slow: self.beta_slow.unwrap_or(1.0),
            attention_factor,
        };
        (scaling, Some((original * factor) as usize))
    }
}
