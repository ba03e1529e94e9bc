//! The layer between attentions.

use candle_core::{Result, Tensor};
use candle_nn::{Activation, Linear, Module, RmsNorm, VarBuilder, linear_no_bias, rms_norm};

use super::config::T5Config;

/// Two products with an activation between them, which may gate a third.
pub(super) struct FeedForward {
    norm: RmsNorm,
    activated: Linear,
    gated: Option<Linear>,
    out: Linear,
    activation: Activation,
}

impl FeedForward {
    pub(super) fn load(weights: &VarBuilder<'_>, config: &T5Config) -> Result<Self> {
        let inner = weights.pp("DenseReluDense");
        let inward = |name: &str| linear_no_bias(config.width, config.inner, inner.pp(name));
        let (activated, gated) = if config.gated {
            (inward("wi_0")?, Some(inward("wi_1")?))
        } else {
            (inward("wi")?, None)
        };
        Ok(Self {
            norm: rms_norm(config.width, config.epsilon, weights.pp("layer_norm"))?,
            activated,
            gated,
            out: linear_no_bias(config.inner, config.width, inner.pp("wo"))?,
            activation: config.activation,
        })
    }

    /// Rows of shape (tokens, width), with what the layer adds.
    pub(super) fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        let normed = self.norm.forward(rows)?;
        let inner = self.activation.forward(&self.activated.forward(&normed)?)?;
        let inner = match &self.gated {
            Some(gated) => (inner * gated.forward(&normed)?)?,
            None => inner,
        };
        rows + self.out.forward(&inner)?
    }
}
