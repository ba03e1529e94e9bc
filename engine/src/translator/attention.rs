//! Attention as T5 has it: no scaling of the products, and a learnt number for each distance.

use candle_core::{Result, Tensor};
use candle_nn::ops::softmax_last_dim;
use candle_nn::{Linear, Module, RmsNorm, VarBuilder, linear_no_bias, rms_norm};

use super::config::T5Config;

/// A layer of attention with the norm before it.
pub(super) struct Attention {
    norm: RmsNorm,
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    heads: usize,
}

/// What is attended to: keys and values of shape (heads, tokens, head size).
pub(super) struct KeysValues {
    pub(super) keys: Tensor,
    pub(super) values: Tensor,
}

impl Attention {
    /// Loads the layer; `name` is what the checkpoint calls its inner part.
    pub(super) fn load(weights: &VarBuilder<'_>, name: &str, config: &T5Config) -> Result<Self> {
        let inner = weights.pp(name);
        let (width, all_heads) = (config.width, config.heads * config.head_size);
        let inward = |name: &str| linear_no_bias(width, all_heads, inner.pp(name));
        Ok(Self {
            norm: rms_norm(width, config.epsilon, weights.pp("layer_norm"))?,
            query: inward("q")?,
            key: inward("k")?,
            value: inward("v")?,
            out: linear_no_bias(all_heads, width, inner.pp("o"))?,
            heads: config.heads,
        })
    }

    /// Rows of shape (tokens, width) after the norm.
    pub(super) fn normed(&self, rows: &Tensor) -> Result<Tensor> {
        self.norm.forward(rows)
    }

    /// Keys and values of rows: normed ones for attention to themselves, the encoder's as they are.
    pub(super) fn keys_values(&self, rows: &Tensor) -> Result<KeysValues> {
        Ok(KeysValues {
            keys: self.by_head(&self.key.forward(rows)?)?,
            values: self.by_head(&self.value.forward(rows)?)?,
        })
    }

    /// What normed rows find, of shape (tokens, width); `bias` has the shape (heads, tokens, tokens
    /// attended to).
    pub(super) fn attend(
        &self,
        normed: &Tensor,
        to: &KeysValues,
        bias: Option<&Tensor>,
    ) -> Result<Tensor> {
        let query = self.by_head(&self.query.forward(normed)?)?;
        let scores = query.matmul(&to.keys.t()?)?;
        let scores = match bias {
            Some(bias) => (scores + bias)?,
            None => scores,
        };
        let found = softmax_last_dim(&scores)?.matmul(&to.values)?;
        let found = found.transpose(0, 1)?.contiguous()?.flatten_from(1)?;
        self.out.forward(&found)
    }

    /// From shape (tokens, heads * head size) to (heads, tokens, head size).
    fn by_head(&self, rows: &Tensor) -> Result<Tensor> {
        let (tokens, all_heads) = rows.dims2()?;
        let rows = rows.reshape((tokens, self.heads, all_heads / self.heads))?;
        rows.transpose(0, 1)?.contiguous()
    }
}
