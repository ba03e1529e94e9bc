//! One layer: attention and feed-forward, each added to the residual stream.

use super::scratch::Scratch;
use super::step::Step;
use crate::config::Activations;
use crate::kernels::{
    ActivationBits, AddedRows, Gate, GatedRows, HeadNorms, HeadRows, InputRows, Kernels, KvLayer,
    MatmulInput, NormedRows, PackedMatrix, RopeTable,
};
use crate::model::ModelError;
use crate::model::spec::{Activation, ModelSpec};
use crate::model::weights::{LayerTensor, TensorName, Weights};

/// Weights of one layer.
#[derive(Debug)]
pub(super) struct Layer {
    attention_norm: Vec<f32>,
    /// Whether the layer has a sliding window, and turns as such layers do.
    local: bool,
    qkv: Linear,
    head_norms: Option<HeadNormWeights>,
    output: Linear,
    post_attention_norm: Option<Vec<f32>>,
    ffn_norm: Vec<f32>,
    gate_up: Linear,
    down: Linear,
    post_ffn_norm: Option<Vec<f32>>,
}

/// What layers share.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) spec: ModelSpec,
    pub(super) rope: RopeTable,
    /// For layers with a sliding window.
    pub(super) local_rope: Option<RopeTable>,
}

impl Shape {
    /// Prepares for positions below `positions`.
    pub(super) fn reach(&mut self, positions: usize) {
        self.rope.reach(positions);
        if let Some(local) = &mut self.local_rope {
            local.reach(positions);
        }
    }
}

/// What all layers of one step share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass<'a> {
    pub(super) kernels: &'a Kernels,
    pub(super) shape: &'a Shape,
    pub(super) step: &'a Step,
}

/// A product, with its bias if it has one.
#[derive(Debug)]
struct Linear {
    weight: PackedMatrix,
    bias: Option<Vec<f32>>,
    bits: ActivationBits,
}

/// Norms over each head, before rope.
#[derive(Debug)]
struct HeadNormWeights {
    query: Vec<f32>,
    key: Vec<f32>,
}

/// A tensor of a product, its bias, and its output rows.
type Part = (LayerTensor, LayerTensor, usize);

/// Where one layer's tensors come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct LayerSource<'a> {
    pub(super) index: usize,
    pub(super) weights: &'a Weights,
    pub(super) kernels: &'a Kernels,
    pub(super) activations: Activations,
}

impl Layer {
    /// Packs one layer; shapes are proved against the spec.
    pub(super) fn load(source: LayerSource<'_>, spec: &ModelSpec) -> Result<Self, ModelError> {
        let ModelSpec {
            hidden,
            ffn,
            head_dim,
            biases,
            ..
        } = *spec;
        let (q_width, kv_width) = (spec.q_width(), spec.kv_width());
        let qkv = [
            (LayerTensor::Query, LayerTensor::QueryBias, q_width),
            (LayerTensor::Key, LayerTensor::KeyBias, kv_width),
            (LayerTensor::Value, LayerTensor::ValueBias, kv_width),
        ];
        let gate_up = [
            (LayerTensor::Gate, LayerTensor::GateBias, ffn),
            (LayerTensor::Up, LayerTensor::UpBias, ffn),
        ];
        let output = [(LayerTensor::Output, LayerTensor::OutputBias, hidden)];
        let down = [(LayerTensor::Down, LayerTensor::DownBias, hidden)];
        let norm = |tensor, len| source.norm(tensor, len, spec.norms.offset);
        let ffn_norm = match spec.norms.after {
            true => LayerTensor::PreFfnNorm,
            false => LayerTensor::FfnNorm,
        };
        let after = |tensor| spec.norms.after.then(|| norm(tensor, hidden)).transpose();
        Ok(Self {
            attention_norm: norm(LayerTensor::AttentionNorm, hidden)?,
            local: spec.window(source.index).is_some(),
            qkv: source.linear(&qkv, hidden, biases.qkv)?,
            head_norms: match spec.norms.heads {
                true => Some(HeadNormWeights {
                    query: norm(LayerTensor::QueryNorm, head_dim)?,
                    key: norm(LayerTensor::KeyNorm, head_dim)?,
                }),
                false => None,
            },
            output: source.linear(&output, q_width, biases.output)?,
            post_attention_norm: after(LayerTensor::PostAttentionNorm)?,
            ffn_norm: norm(ffn_norm, hidden)?,
            gate_up: source.linear(&gate_up, hidden, biases.ffn)?,
            down: source.linear(&down, ffn, biases.ffn)?,
            post_ffn_norm: after(LayerTensor::PostFfnNorm)?,
        })
    }

    /// Bytes of the packed matrices.
    pub(super) fn memory_bytes(&self) -> usize {
        [&self.qkv, &self.output, &self.gate_up, &self.down]
            .iter()
            .map(|linear| linear.weight.memory_bytes())
            .sum()
    }

    /// Runs the step's rows through the layer: what the block before it has left in `scratch.delta`
    /// is added to `scratch.hidden`, and what this layer's last block computes is left there in turn.
    /// `before` is the layer before.
    pub(super) fn forward(
        &self,
        pass: &Pass<'_>,
        before: Option<&Self>,
        cache: &mut KvLayer,
        scratch: &mut Scratch,
    ) {
        self.attend(pass, before, cache, scratch);
        self.feed(pass, scratch);
    }

    /// The norm over what the layer leaves to be added, if it has one.
    pub(super) fn norm_after(&self) -> Option<&[f32]> {
        self.post_ffn_norm.as_deref()
    }

    fn attend(
        &self,
        pass: &Pass<'_>,
        before: Option<&Self>,
        cache: &mut KvLayer,
        scratch: &mut Scratch,
    ) {
        let Pass {
            kernels,
            shape,
            step,
        } = *pass;
        let spec = &shape.spec;
        let (rows, eps) = (step.rows(), spec.norms.eps);
        let q_len = rows * spec.q_width();
        let stream = &mut scratch.hidden[..rows * spec.hidden];
        let delta = &mut scratch.delta[..rows * spec.hidden];
        let qkv = &mut scratch.qkv[..q_len + 2 * rows * spec.kv_width()];
        let q = &mut scratch.q[..q_len];
        let attended = &mut scratch.attended[..q_len];

        let normed = InputRows::Normed(NormedRows {
            stream,
            added: before.map(|before| AddedRows {
                rows: delta,
                norm: before.norm_after(),
            }),
            weight: &self.attention_norm,
            eps,
        });
        self.qkv.apply(kernels, &mut scratch.input, normed, qkv);
        let table = match &shape.local_rope {
            Some(local) if self.local => local,
            Some(_) | None => &shape.rope,
        };
        let rows = HeadRows {
            heads: spec.heads,
            positions: &step.positions,
            slots: &step.slots,
            table,
            norms: self.head_norms.as_ref().map(|norms| HeadNorms {
                query: &norms.query,
                key: &norms.key,
                eps,
            }),
        };
        kernels.rope_and_store(qkv, &rows, cache, q);
        let plan = step.attention(self.local);
        kernels.attention(plan, cache, q, spec.attention_scale, attended);
        let attended = InputRows::Plain(attended);
        self.output
            .apply(kernels, &mut scratch.input, attended, delta);
    }

    fn feed(&self, pass: &Pass<'_>, scratch: &mut Scratch) {
        let Pass {
            kernels,
            shape,
            step,
        } = *pass;
        let (spec, rows) = (&shape.spec, step.rows());
        let stream = &mut scratch.hidden[..rows * spec.hidden];
        let delta = &mut scratch.delta[..rows * spec.hidden];
        let gate_up = &mut scratch.gate_up[..rows * 2 * spec.ffn];

        let normed = InputRows::Normed(NormedRows {
            stream,
            added: Some(AddedRows {
                rows: delta,
                norm: self.post_attention_norm.as_deref(),
            }),
            weight: &self.ffn_norm,
            eps: spec.norms.eps,
        });
        self.gate_up
            .apply(kernels, &mut scratch.input, normed, gate_up);
        let gated = InputRows::Gated(GatedRows {
            gate_up,
            gate: match spec.activation {
                Activation::Silu => Gate::Silu,
                Activation::GeluTanh => Gate::GeluTanh,
            },
        });
        self.down.apply(kernels, &mut scratch.input, gated, delta);
    }
}

impl LayerSource<'_> {
    fn vector(self, tensor: LayerTensor, len: usize) -> Result<Vec<f32>, ModelError> {
        let name = TensorName::Layer(self.index, tensor);
        self.weights.vector(name, len)
    }

    fn norm(self, tensor: LayerTensor, len: usize, offset: f32) -> Result<Vec<f32>, ModelError> {
        let name = TensorName::Layer(self.index, tensor);
        self.weights.norm(name, len, offset)
    }

    /// Tensors with `cols` columns each as one product: their outputs stand one after the other.
    fn linear(self, parts: &[Part], cols: usize, biased: bool) -> Result<Linear, ModelError> {
        let tensors = parts
            .iter()
            .map(|&(tensor, _, rows)| {
                let name = TensorName::Layer(self.index, tensor);
                self.weights.tensor(name, &[rows, cols])
            })
            .collect::<Result<Vec<_>, _>>()?;
        let weight = PackedMatrix::pack(self.kernels, &tensors)?;
        let feeds = |&(tensor, ..): &Part| {
            matches!(
                tensor,
                LayerTensor::Gate | LayerTensor::Up | LayerTensor::Down
            )
        };
        let bits = bits(self.activations, parts.iter().any(feeds));
        if !biased {
            return Ok(Linear {
                weight,
                bias: None,
                bits,
            });
        }
        let mut bias = Vec::with_capacity(weight.rows());
        for &(_, tensor, rows) in parts {
            bias.extend(self.vector(tensor, rows)?);
        }
        let bias = Some(bias);
        Ok(Linear { weight, bias, bits })
    }
}

/// Precision of a product's activations; `feeds` says that it belongs to the feed-forward block.
pub(super) fn bits(activations: Activations, feeds: bool) -> ActivationBits {
    match activations {
        Activations::Int16 => ActivationBits::Sixteen,
        Activations::Mixed if !feeds => ActivationBits::Sixteen,
        Activations::Mixed | Activations::Int8 => ActivationBits::Eight,
    }
}

impl Linear {
    /// `out = x * weight^T + bias`, row by row.
    fn apply(&self, kernels: &Kernels, input: &mut MatmulInput, x: InputRows<'_>, out: &mut [f32]) {
        input.set_bits(self.bits);
        input.fill(kernels, &self.weight, x);
        kernels.matmul(&self.weight, input, out);
        if let Some(bias) = &self.bias {
            kernels.add_bias(out, bias);
        }
    }
}
