//! One layer: attention and feed-forward, each added to the residual stream.

use super::scratch::Scratch;
use super::step::Step;
use crate::config::Activations;
use crate::kernels::{ActivationBits, Kernels, KvLayer, MatmulInput, PackedMatrix, RopeTable};
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
    head_norms: Option<HeadNorms>,
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

/// A product, with its bias if it has one.
#[derive(Debug)]
struct Linear {
    weight: PackedMatrix,
    bias: Option<Vec<f32>>,
    bits: ActivationBits,
}

/// Norms over each head, before rope.
#[derive(Debug)]
struct HeadNorms {
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
                true => Some(HeadNorms {
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

    /// Runs the step's rows of `scratch.hidden` through the layer.
    pub(super) fn forward(
        &self,
        kernels: &Kernels,
        shape: &Shape,
        step: &Step<'_>,
        cache: &mut KvLayer,
        scratch: &mut Scratch,
    ) {
        self.attend(kernels, shape, step, cache, scratch);
        self.feed(kernels, &shape.spec, step.rows(), scratch);
    }

    fn attend(
        &self,
        kernels: &Kernels,
        shape: &Shape,
        step: &Step<'_>,
        cache: &mut KvLayer,
        scratch: &mut Scratch,
    ) {
        let spec = &shape.spec;
        let ModelSpec {
            hidden,
            heads,
            kv_heads,
            head_dim,
            ..
        } = *spec;
        let rows = step.rows();
        let (q_len, kv_len) = (rows * spec.q_width(), rows * spec.kv_width());
        let stream = &mut scratch.hidden[..rows * hidden];
        let delta = &mut scratch.delta[..rows * hidden];
        let qkv = &mut scratch.qkv[..q_len + 2 * kv_len];
        let q = &mut scratch.q[..q_len];
        let k = &mut scratch.k[..kv_len];
        let v = &mut scratch.v[..kv_len];
        let attended = &mut scratch.attended[..q_len];

        let eps = spec.norms.eps;
        kernels.rms_norm(stream, &self.attention_norm, eps, delta);
        self.qkv.apply(kernels, &mut scratch.input, delta, qkv);
        split(qkv, [&mut *q, &mut *k, &mut *v], rows);
        if let Some(norms) = &self.head_norms {
            // The fused rows were copied out: their buffer takes the normed heads on the way back.
            let (normed_q, rest) = qkv.split_at_mut(q_len);
            let normed_k = &mut rest[..kv_len];
            kernels.rms_norm(q, &norms.query, eps, normed_q);
            kernels.rms_norm(k, &norms.key, eps, normed_k);
            q.copy_from_slice(normed_q);
            k.copy_from_slice(normed_k);
        }
        let rope = match &shape.local_rope {
            Some(local) if self.local => local,
            Some(_) | None => &shape.rope,
        };
        kernels.rope(q, heads, head_dim, &step.positions, rope);
        kernels.rope(k, kv_heads, head_dim, &step.positions, rope);
        kernels.write_kv(cache, k, v, &step.slots);
        kernels.attention(cache, q, &step.spans, spec.attention_scale, attended);
        self.output
            .apply(kernels, &mut scratch.input, attended, delta);
        let after = (self.post_attention_norm.as_deref(), eps);
        join(kernels, after, delta, &mut scratch.normed, stream);
    }

    fn feed(&self, kernels: &Kernels, spec: &ModelSpec, rows: usize, scratch: &mut Scratch) {
        let ModelSpec { hidden, ffn, .. } = *spec;
        let stream = &mut scratch.hidden[..rows * hidden];
        let delta = &mut scratch.delta[..rows * hidden];
        let gate_up = &mut scratch.gate_up[..rows * 2 * ffn];
        let activated = &mut scratch.activated[..rows * ffn];

        kernels.rms_norm(stream, &self.ffn_norm, spec.norms.eps, delta);
        self.gate_up
            .apply(kernels, &mut scratch.input, delta, gate_up);
        match spec.activation {
            Activation::Silu => kernels.swiglu(gate_up, ffn, activated),
            Activation::GeluTanh => kernels.geglu(gate_up, ffn, activated),
        }
        self.down
            .apply(kernels, &mut scratch.input, activated, delta);
        let after = (self.post_ffn_norm.as_deref(), spec.norms.eps);
        join(kernels, after, delta, &mut scratch.normed, stream);
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
    fn apply(&self, kernels: &Kernels, input: &mut MatmulInput, x: &[f32], out: &mut [f32]) {
        let cols = self.weight.cols();
        input.set_bits(self.bits);
        input.set(kernels, x, x.len() / cols, cols);
        kernels.matmul(&self.weight, input, out);
        if let Some(bias) = &self.bias {
            kernels.add_bias(out, bias);
        }
    }
}

/// Adds what a block computed to the stream, normed first where the layer has a norm for that.
fn join(
    kernels: &Kernels,
    (norm, eps): (Option<&[f32]>, f32),
    delta: &[f32],
    normed: &mut [f32],
    stream: &mut [f32],
) {
    match norm {
        None => kernels.add_assign(stream, delta),
        Some(weight) => {
            let normed = &mut normed[..delta.len()];
            kernels.rms_norm(delta, weight, eps, normed);
            kernels.add_assign(stream, normed);
        }
    }
}

/// Copies the parts of fused rows into buffers of their own.
fn split(fused: &[f32], parts: [&mut [f32]; 3], rows: usize) {
    let mut widths =
        parts.map(|part| (part.len() / rows, part.chunks_exact_mut(part.len() / rows)));
    let width: usize = widths.iter().map(|(width, _)| width).sum();
    for row in fused.chunks_exact(width) {
        let mut rest = row;
        for (width, part) in &mut widths {
            let (values, after) = rest.split_at(*width);
            if let Some(part) = part.next() {
                part.copy_from_slice(values);
            }
            rest = after;
        }
    }
}
