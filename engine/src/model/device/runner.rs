//! A loaded model on a device: weights, KV cache, and the step that joins them.

use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{DType, Device, Result as CandleResult, Tensor};
use candle_nn::ops::rms_norm;

use super::inputs::Inputs;
use super::layer::{Layer, LayerSource};
use super::matrix::Matrix;
use crate::batch::{BatchPlan, BlockId};
use crate::config::{EngineConfig, KvCacheDtype};
use crate::kernels::device::{DeviceKv, Program};
use crate::kernels::{Format, Kernels, RopeTable};
use crate::model::llama::{Bounds, Step, bounds};
use crate::model::spec::{ModelSpec, RopeSpec};
use crate::model::weights::{LayerTensor, TensorName, Weights};
use crate::model::{Forward, Logits, ModelError};
use crate::request::ModelLimits;

/// A model of the Llama family in a device's memory.
#[derive(Debug)]
pub(crate) struct DeviceRunner {
    device: Device,
    /// The threads that sample.
    workers: Kernels,
    spec: ModelSpec,
    bounds: Bounds,
    embedding: Matrix,
    layers: Vec<Layer>,
    final_norm: Tensor,
    /// `None` where the embedding serves as head.
    head: Option<Matrix>,
    /// Keys and values, one cache a layer, all with the same blocks.
    cache: Vec<DeviceKv>,
    rope: RopeTable,
    /// For layers with a sliding window.
    local_rope: Option<RopeTable>,
    /// The latest step; its buffers serve the next one.
    step: Step,
    /// What the last step answered.
    logits: Vec<f32>,
    /// Names the weights and the layout of the cache's blocks.
    identity: [u8; 32],
    /// Set when a block could not be moved: what the cache holds is not known from then on.
    broken: AtomicBool,
}

impl DeviceRunner {
    /// Proves the configuration against the model, copies the weights, and sets up the cache.
    /// `workers` are for what becomes of the logits.
    pub(crate) fn new(
        spec: &ModelSpec,
        weights: &Weights,
        (device, workers): (Device, Kernels),
        config: &EngineConfig,
    ) -> Result<Self, ModelError> {
        if config.kv_cache_dtype != KvCacheDtype::F16 {
            return Err(ModelError::DeviceCache(config.kv_cache_dtype));
        }
        let dtype = cache_dtype(spec, weights)?;
        let layer_bytes = DeviceKv::bytes_per_block(spec.kv_heads, spec.head_dim, dtype);
        let bounds = bounds(spec, config, layer_bytes * spec.layers)?;
        // The weights come first: once they are there, the spec's sizes are the files' own.
        let matrix = |name| -> Result<_, ModelError> {
            let tensor = weights.tensor(name, &[spec.vocab, spec.hidden])?;
            Matrix::load(&tensor, &device)
        };
        let embedding = matrix(TensorName::Embedding)?;
        let head = match spec.tied_head {
            true => None,
            false => Some(matrix(TensorName::Head)?),
        };
        let layer = |index| {
            let device = &device;
            Layer::load(LayerSource {
                index,
                weights,
                spec,
                device,
            })
        };
        let layers = (0..spec.layers).map(layer).collect::<Result<Vec<_>, _>>()?;
        let final_norm = weights.norm(TensorName::FinalNorm, spec.hidden, spec.norms.offset)?;
        let final_norm = Tensor::from_vec(final_norm, spec.hidden, &device)?;
        let program = Program::compile(&device, dtype)?;
        let shape = (bounds.num_blocks, spec.kv_heads, spec.head_dim);
        let cache = (0..spec.layers)
            .map(|layer| DeviceKv::new(shape, spec.window(layer), dtype, &device, &program))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| ModelError::Config {
                knob: "kv_cache_bytes",
                expected: "no more than the memory that the device has left".to_owned(),
                found: config.kv_cache_bytes,
            })?;
        let rope = |rope: &RopeSpec| {
            let (frequencies, scale) = rope.frequencies(spec.head_dim);
            RopeTable::new(&frequencies, scale, rope.style, 0)
        };
        Ok(Self {
            spec: spec.clone(),
            bounds,
            embedding,
            layers,
            final_norm,
            head,
            cache,
            rope: rope(&spec.rope),
            local_rope: spec.local.as_ref().map(|local| rope(&local.rope)),
            step: Step::default(),
            logits: Vec::new(),
            identity: [0; 32],
            broken: AtomicBool::new(false),
            workers,
            device,
        })
    }

    /// The same, of weights that have this name.
    #[must_use]
    pub(crate) fn with_identity(mut self, weights: [u8; 32]) -> Self {
        self.identity = weights;
        self
    }

    /// Bytes of the weights on the device.
    pub(crate) fn weight_bytes(&self) -> u64 {
        let layers: usize = self.layers.iter().map(Layer::bytes).sum();
        let head = self.head.as_ref().map_or(0, Matrix::bytes);
        (self.embedding.bytes() + head + layers) as u64
    }

    /// Bytes of the KV cache.
    pub(crate) fn kv_cache_bytes(&self) -> u64 {
        self.cache.iter().map(|layer| layer.bytes() as u64).sum()
    }

    /// Logits of the rows that want them, and of rows that fill their last tile.
    fn compute(&self, inputs: &Inputs) -> CandleResult<Option<Tensor>> {
        let embedded = self.embedding.rows(&inputs.tokens)?;
        let mut stream = (embedded * f64::from(self.spec.embedding_scale))?;
        for (layer, cache) in self.layers.iter().zip(&self.cache) {
            stream = layer.forward(&stream, &self.spec, inputs, cache)?;
        }
        let Some(rows) = &inputs.logit_rows else {
            return Ok(None);
        };
        let wanted = stream.index_select(rows, 0)?;
        let normed = rms_norm(&wanted, &self.final_norm, self.spec.norms.eps)?;
        let head = self.head.as_ref().unwrap_or(&self.embedding);
        head.product(&normed).map(Some)
    }

    fn move_failed(&self, error: &candle_core::Error) {
        tracing::error!(%error, "a block of the KV cache cannot be moved; the model stops");
        self.broken.store(true, Ordering::Relaxed);
    }
}

impl Forward for DeviceRunner {
    fn limits(&self) -> ModelLimits {
        ModelLimits {
            vocab_size: self.bounds.vocab,
            max_model_len: self.bounds.max_model_len,
        }
    }

    fn num_blocks(&self) -> usize {
        self.bounds.num_blocks
    }

    fn block_bytes(&self) -> usize {
        self.cache.iter().map(DeviceKv::block_bytes).sum()
    }

    fn identity(&self) -> [u8; 32] {
        self.identity
    }

    fn read_block(&self, block: BlockId, to: &mut [u8]) -> bool {
        let parts = to.chunks_mut((to.len() / self.cache.len()).max(1));
        let mut layers = self.cache.iter().zip(parts);
        let read = layers.try_for_each(|(layer, part)| layer.read_block(block, part));
        read.inspect_err(|error| self.move_failed(error)).is_ok()
    }

    fn write_block(&mut self, block: BlockId, from: &[u8]) {
        let parts = from.chunks((from.len() / self.cache.len()).max(1));
        let mut layers = self.cache.iter().zip(parts);
        let written = layers.try_for_each(|(layer, part)| layer.write_block(block, part));
        if let Err(error) = written {
            self.move_failed(&error);
        }
    }

    fn forward(&mut self, plan: &BatchPlan) -> Result<Logits<'_>, ModelError> {
        self.step.set_rows(plan, &self.bounds)?;
        let step = &self.step;
        if self.broken.load(Ordering::Relaxed) {
            let fault = "a block of the KV cache could not be moved";
            return Err(ModelError::Device(fault.to_owned()));
        }
        let wanted = step.logit_rows.len() * self.bounds.vocab;
        if step.rows() > 0 {
            self.rope.reach(step.end());
            if let Some(local) = &mut self.local_rope {
                local.reach(step.end());
            }
            let ropes = (&self.rope, self.local_rope.as_ref());
            let inputs = Inputs::of(step, plan, ropes, &self.device)?;
            if let Some(logits) = self.compute(&inputs)? {
                self.logits = logits.flatten_all()?.to_vec1()?;
            }
        }
        let logits = Logits::new(&mut self.logits[..wanted], self.bounds.vocab);
        Ok(logits.with_workers(&self.workers))
    }
}

/// What keys and values are kept as: weights in bf16 may compute what a half cannot hold.
fn cache_dtype(spec: &ModelSpec, weights: &Weights) -> Result<DType, ModelError> {
    let name = TensorName::Layer(0, LayerTensor::Key);
    let key = weights.tensor(name, &[spec.kv_width(), spec.hidden])?;
    Ok(match key.format == Format::Bf16 {
        true => DType::BF16,
        false => DType::F16,
    })
}
