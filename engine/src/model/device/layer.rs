//! One layer: attention and feed-forward, each added to the residual stream.

use candle_core::{Device, Result as CandleResult, Tensor};
use candle_nn::ops::rms_norm;
use candle_nn::rotary_emb::{rope, rope_i};

use super::inputs::{Inputs, Turns};
use super::matrix::Matrix;
use crate::kernels::RopeStyle;
use crate::kernels::device::DeviceKv;
use crate::model::ModelError;
use crate::model::spec::{Activation, ModelSpec};
use crate::model::weights::{LayerTensor, TensorName, Weights};

/// Weights of one layer on a device.
#[derive(Debug)]
pub(super) struct Layer {
    attention_norm: Tensor,
    /// Whether the layer has a sliding window, and turns as such layers do.
    local: bool,
    query: Linear,
    key: Linear,
    value: Linear,
    /// Of each head's query and key.
    head_norms: Option<(Tensor, Tensor)>,
    output: Linear,
    post_attention_norm: Option<Tensor>,
    ffn_norm: Tensor,
    gate: Linear,
    up: Linear,
    down: Linear,
    post_ffn_norm: Option<Tensor>,
}

/// A product, with its bias if it has one.
#[derive(Debug)]
struct Linear {
    weight: Matrix,
    bias: Option<Tensor>,
}

/// Where one layer's tensors come from, and where they go.
#[derive(Debug, Clone, Copy)]
pub(super) struct LayerSource<'a> {
    pub(super) index: usize,
    pub(super) weights: &'a Weights,
    pub(super) spec: &'a ModelSpec,
    pub(super) device: &'a Device,
}

impl Layer {
    /// Copies one layer to the device; shapes are proved against the spec.
    pub(super) fn load(source: LayerSource<'_>) -> Result<Self, ModelError> {
        let spec = source.spec;
        let ModelSpec {
            hidden,
            ffn,
            head_dim,
            biases,
            norms,
            ..
        } = *spec;
        let (q_width, kv_width) = (spec.q_width(), spec.kv_width());
        let linear = |weight, bias, biased: bool, shape| {
            source.linear(weight, biased.then_some(bias), shape)
        };
        let norm = |tensor, len| source.norm(tensor, len, norms.offset);
        let after = |tensor| norms.after.then(|| norm(tensor, hidden)).transpose();
        let ffn_norm = match norms.after {
            true => LayerTensor::PreFfnNorm,
            false => LayerTensor::FfnNorm,
        };
        use LayerTensor as T;
        Ok(Self {
            attention_norm: norm(T::AttentionNorm, hidden)?,
            local: spec.window(source.index).is_some(),
            query: linear(T::Query, T::QueryBias, biases.qkv, (q_width, hidden))?,
            key: linear(T::Key, T::KeyBias, biases.qkv, (kv_width, hidden))?,
            value: linear(T::Value, T::ValueBias, biases.qkv, (kv_width, hidden))?,
            head_norms: match norms.heads {
                true => Some((norm(T::QueryNorm, head_dim)?, norm(T::KeyNorm, head_dim)?)),
                false => None,
            },
            output: linear(T::Output, T::OutputBias, biases.output, (hidden, q_width))?,
            post_attention_norm: after(T::PostAttentionNorm)?,
            ffn_norm: norm(ffn_norm, hidden)?,
            gate: linear(T::Gate, T::GateBias, biases.ffn, (ffn, hidden))?,
            up: linear(T::Up, T::UpBias, biases.ffn, (ffn, hidden))?,
            down: linear(T::Down, T::DownBias, biases.ffn, (hidden, ffn))?,
            post_ffn_norm: after(T::PostFfnNorm)?,
        })
    }

    /// Bytes of the matrices on the device.
    pub(super) fn bytes(&self) -> usize {
        [
            &self.query,
            &self.key,
            &self.value,
            &self.output,
            &self.gate,
            &self.up,
            &self.down,
        ]
        .iter()
        .map(|linear| linear.weight.bytes())
        .sum()
    }

    /// The stream, `[row][hidden]`, after this layer.
    pub(super) fn forward(
        &self,
        stream: &Tensor,
        spec: &ModelSpec,
        inputs: &Inputs,
        cache: &DeviceKv,
    ) -> CandleResult<Tensor> {
        let stream = (stream + self.attend(stream, spec, inputs, cache)?)?;
        &stream + self.feed(&stream, spec)?
    }

    fn attend(
        &self,
        stream: &Tensor,
        spec: &ModelSpec,
        inputs: &Inputs,
        cache: &DeviceKv,
    ) -> CandleResult<Tensor> {
        let ModelSpec {
            heads,
            kv_heads,
            head_dim,
            ..
        } = *spec;
        let eps = spec.norms.eps;
        let rows = stream.dim(0)?;
        let normed = rms_norm(stream, &self.attention_norm, eps)?;
        let (turns, style) = match (&inputs.local_turns, &spec.local) {
            (Some(turns), Some(local)) if self.local => (turns, local.rope.style),
            _ => (&inputs.turns, spec.rope.style),
        };
        let turned = |linear: &Linear, heads: usize, norm: Option<&Tensor>| {
            let x = linear.apply(&normed)?.reshape((rows, heads, head_dim))?;
            let x = match norm {
                Some(norm) => rms_norm(&x, norm, eps)?,
                None => x,
            };
            turn(&x, turns, style)
        };
        let (query_norm, key_norm) = self.head_norms.as_ref().map(|(q, k)| (q, k)).unzip();
        let q = turned(&self.query, heads, query_norm)?;
        let k = turned(&self.key, kv_heads, key_norm)?;
        cache.write(&k, &self.value.apply(&normed)?, &inputs.rows)?;
        let attended = cache.attend(&q, &inputs.rows, spec.attention_scale)?;
        let attended = attended.reshape((rows, heads * head_dim))?;
        after(
            self.output.apply(&attended)?,
            self.post_attention_norm.as_ref(),
            eps,
        )
    }

    fn feed(&self, stream: &Tensor, spec: &ModelSpec) -> CandleResult<Tensor> {
        let eps = spec.norms.eps;
        let normed = rms_norm(stream, &self.ffn_norm, eps)?;
        let gate = self.gate.apply(&normed)?;
        let gate = match spec.activation {
            Activation::Silu => gate.silu()?,
            Activation::GeluTanh => gate.gelu()?,
        };
        let activated = (gate * self.up.apply(&normed)?)?;
        after(
            self.down.apply(&activated)?,
            self.post_ffn_norm.as_ref(),
            eps,
        )
    }
}

impl LayerSource<'_> {
    fn linear(
        self,
        weight: LayerTensor,
        bias: Option<LayerTensor>,
        (rows, cols): (usize, usize),
    ) -> Result<Linear, ModelError> {
        let name = TensorName::Layer(self.index, weight);
        let weight = Matrix::load(&self.weights.tensor(name, &[rows, cols])?, self.device)?;
        let bias = bias.map(|bias| self.norm(bias, rows, 0.0)).transpose()?;
        Ok(Linear { weight, bias })
    }

    /// A vector, with `offset` added to what the file holds.
    fn norm(self, tensor: LayerTensor, len: usize, offset: f32) -> Result<Tensor, ModelError> {
        let name = TensorName::Layer(self.index, tensor);
        let vector = self.weights.norm(name, len, offset)?;
        Ok(Tensor::from_vec(vector, len, self.device)?)
    }
}

impl Linear {
    fn apply(&self, x: &Tensor) -> CandleResult<Tensor> {
        let product = self.weight.product(x)?;
        match &self.bias {
            Some(bias) => product.broadcast_add(bias),
            None => Ok(product),
        }
    }
}

/// Turns the heads of `[row][head][value]` to their rows' positions.
fn turn(x: &Tensor, turns: &Turns, style: RopeStyle) -> CandleResult<Tensor> {
    // candle turns [sequence][head][position]: each row is a sequence of one position.
    let x = x.unsqueeze(2)?;
    let turned = match style {
        RopeStyle::Interleaved => rope_i(&x, &turns.cos, &turns.sin)?,
        RopeStyle::Halves => rope(&x, &turns.cos, &turns.sin)?,
    };
    turned.squeeze(2)
}

/// What a block adds to the stream, normed first where the layer has a norm for that.
fn after(delta: Tensor, norm: Option<&Tensor>, eps: f32) -> CandleResult<Tensor> {
    match norm {
        Some(norm) => rms_norm(&delta, norm, eps),
        None => Ok(delta),
    }
}
