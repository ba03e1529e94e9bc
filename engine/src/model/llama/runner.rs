//! A loaded model: weights, KV cache, kernels, and the step that joins them.

use std::hint::black_box;
use std::mem;

use super::layer::{Layer, LayerSource, Pass, Shape, bits};
use super::scratch::Scratch;
use super::step::{Bounds, Step};
use crate::BLOCK_SIZE;
use crate::batch::{BatchPlan, BlockId};
use crate::config::EngineConfig;
use crate::kernels::{
    ActivationBits, AddedRows, InputRows, Kernels, KvLayer, KvShape, NormedRows, PackedMatrix,
    RopeTable,
};
use crate::model::spec::{ModelSpec, RopeSpec};
use crate::model::weights::{TensorName, Weights};
use crate::model::{Forward, Logits, ModelError};
use crate::request::ModelLimits;

/// A model of the Llama family in memory.
#[derive(Debug)]
pub struct LlamaRunner {
    kernels: Kernels,
    shape: Shape,
    bounds: Bounds,
    embedding: PackedMatrix,
    layers: Vec<Layer>,
    final_norm: Vec<f32>,
    /// `None` where the embedding serves as head.
    head: Option<PackedMatrix>,
    /// Precision of the head's activations.
    head_bits: ActivationBits,
    /// Keys and values, one cache a layer, all with the same blocks.
    cache: Vec<KvLayer>,
    scratch: Scratch,
    /// The latest step; its buffers serve the next one.
    step: Step,
    /// Grown to the most rows that were asked for at once.
    logits: Vec<f32>,
    /// Names the weights and the layout of the cache's blocks.
    identity: [u8; 32],
}

impl LlamaRunner {
    /// Proves the configuration against the model, packs the weights, and sets up the cache.
    pub(crate) fn new(
        spec: &ModelSpec,
        weights: &Weights,
        kernels: Kernels,
        config: &EngineConfig,
    ) -> Result<Self, ModelError> {
        let kv_shape = kv_shape(spec, config);
        let block_bytes = kv_shape.block_bytes() * spec.layers;
        let bounds = bounds(spec, config, block_bytes)?;
        prove_memory(bounds.num_blocks * block_bytes, config)?;
        // The weights come first: once they are there, the spec's sizes are the files' own.
        let vocab_rows = (spec.vocab, spec.hidden);
        let embedding = weights.matrix(&kernels, TensorName::Embedding, vocab_rows)?;
        let head = match spec.tied_head {
            true => None,
            false => Some(weights.matrix(&kernels, TensorName::Head, vocab_rows)?),
        };
        let layers = (0..spec.layers)
            .map(|index| {
                let kernels = &kernels;
                let source = LayerSource {
                    index,
                    weights,
                    kernels,
                    activations: config.activations,
                };
                Layer::load(source, spec)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let rope = |rope: &RopeSpec| {
            let (frequencies, scale) = rope.frequencies(spec.head_dim);
            RopeTable::new(&frequencies, scale, rope.style, 0)
        };
        let cache = KvLayer::layers(spec.layers, bounds.num_blocks, kv_shape);
        let cache = cache
            .into_iter()
            .enumerate()
            .map(|(layer, cache)| match spec.window(layer) {
                Some(window) => cache.with_window(window),
                None => cache,
            })
            .collect();
        Ok(Self {
            final_norm: weights.norm(TensorName::FinalNorm, spec.hidden, spec.norms.offset)?,
            shape: Shape {
                spec: spec.clone(),
                rope: rope(&spec.rope),
                local_rope: spec.local.as_ref().map(|local| rope(&local.rope)),
            },
            kernels,
            embedding,
            layers,
            head,
            head_bits: bits(config.activations, false),
            cache,
            scratch: Scratch::new(spec, bounds.max_tokens),
            bounds,
            step: Step::default(),
            logits: Vec::new(),
            identity: [0; 32],
        })
    }

    /// The same, of weights that have this name.
    #[must_use]
    pub(crate) fn with_identity(mut self, weights: [u8; 32]) -> Self {
        self.identity = weights;
        self
    }

    /// What computes.
    pub(crate) fn kernels(&self) -> &Kernels {
        &self.kernels
    }

    /// Bytes of the packed weights.
    pub(crate) fn weight_bytes(&self) -> u64 {
        let layers: usize = self.layers.iter().map(Layer::memory_bytes).sum();
        let head = self.head.as_ref().map_or(0, PackedMatrix::memory_bytes);
        (self.embedding.memory_bytes() + head + layers) as u64
    }

    /// Bytes of the KV cache.
    pub(crate) fn kv_cache_bytes(&self) -> u64 {
        self.cache.iter().map(|layer| layer.bytes() as u64).sum()
    }

    fn embed(&mut self, tokens: &[u32]) {
        let rows = self.scratch.hidden.chunks_exact_mut(self.shape.spec.hidden);
        let scale = self.shape.spec.embedding_scale;
        for (&token, row) in tokens.iter().zip(rows) {
            self.embedding.row(token as usize, row);
            for value in row {
                *value *= scale;
            }
        }
    }

    /// Last sum, final norm and head, for the rows of the step that want logits.
    fn head(&mut self) -> Logits<'_> {
        let ModelSpec {
            hidden,
            vocab,
            norms,
            ..
        } = self.shape.spec;
        let (scratch, logit_rows) = (&mut self.scratch, &self.step.logit_rows);
        // Rows ascend, so each moves to a place at or before its own.
        for (to, &from) in logit_rows.iter().enumerate() {
            let row = from * hidden..(from + 1) * hidden;
            scratch.hidden.copy_within(row.clone(), to * hidden);
            scratch.delta.copy_within(row, to * hidden);
        }
        let rows = logit_rows.len();
        if self.logits.len() < rows * vocab {
            self.logits.resize(rows * vocab, 0.0);
        }
        let logits = &mut self.logits[..rows * vocab];
        if rows > 0 {
            let normed = InputRows::Normed(NormedRows {
                stream: &mut scratch.hidden[..rows * hidden],
                added: self.layers.last().map(|last| AddedRows {
                    rows: &scratch.delta[..rows * hidden],
                    norm: last.norm_after(),
                }),
                weight: &self.final_norm,
                eps: norms.eps,
            });
            let head = self.head.as_ref().unwrap_or(&self.embedding);
            scratch.input.set_bits(self.head_bits);
            scratch.input.fill(&self.kernels, head, normed);
            self.kernels.matmul(head, &scratch.input, logits);
        }
        Logits::new(logits, vocab).with_workers(&self.kernels)
    }
}

impl Forward for LlamaRunner {
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
        self.cache.iter().map(KvLayer::block_bytes).sum()
    }

    fn identity(&self) -> [u8; 32] {
        self.identity
    }

    fn read_block(&self, block: BlockId, mut to: &mut [u8]) -> bool {
        for layer in &self.cache {
            let (part, rest) = to.split_at_mut(layer.block_bytes());
            layer.read_block(block, part);
            to = rest;
        }
        true
    }

    fn write_block(&mut self, block: BlockId, mut from: &[u8]) {
        for layer in &mut self.cache {
            let (part, rest) = from.split_at(layer.block_bytes());
            layer.write_block(block, part);
            from = rest;
        }
    }

    fn forward(&mut self, plan: &BatchPlan) -> Result<Logits<'_>, ModelError> {
        let mut step = mem::take(&mut self.step);
        step.set(plan, &self.bounds, &self.kernels, &self.shape.spec)?;
        if step.rows() > 0 {
            self.shape.reach(step.end());
            self.embed(&step.tokens);
            let pass = Pass {
                kernels: &self.kernels,
                shape: &self.shape,
                step: &step,
            };
            let mut before = None;
            for (layer, cache) in self.layers.iter().zip(&mut self.cache) {
                layer.forward(&pass, before, cache, &mut self.scratch);
                before = Some(layer);
            }
        }
        self.step = step;
        Ok(self.head())
    }
}

/// What plans must stay within, proved against the model, with as many blocks of `block_bytes` bytes
/// as fit the configured memory.
pub(in crate::model) fn bounds(
    spec: &ModelSpec,
    config: &EngineConfig,
    block_bytes: usize,
) -> Result<Bounds, ModelError> {
    let max_model_len = max_model_len(spec, config)?;
    let max_tokens = config.max_num_batched_tokens;
    if max_tokens == 0 {
        return Err(ModelError::Config {
            knob: "max_num_batched_tokens",
            expected: "at least 1".to_owned(),
            found: max_tokens,
        });
    }
    Ok(Bounds {
        vocab: spec.vocab,
        max_model_len,
        max_tokens,
        num_blocks: num_blocks(block_bytes, config, max_model_len)?,
    })
}

fn max_model_len(spec: &ModelSpec, config: &EngineConfig) -> Result<usize, ModelError> {
    match config.max_model_len {
        None => Ok(spec.max_positions),
        Some(asked) if (1..=spec.max_positions).contains(&asked) => Ok(asked),
        Some(found) => Err(ModelError::Config {
            knob: "max_model_len",
            expected: format!("from 1 to the model's {}", spec.max_positions),
            found,
        }),
    }
}

fn kv_shape(spec: &ModelSpec, config: &EngineConfig) -> KvShape {
    KvShape {
        kv_heads: spec.kv_heads,
        head_dim: spec.head_dim,
        dtype: config.kv_cache_dtype,
    }
}

/// Blocks that fit the configured memory; enough for one full context, or an error.
fn num_blocks(
    block_bytes: usize,
    config: &EngineConfig,
    max_model_len: usize,
) -> Result<usize, ModelError> {
    // Block ids have 32 bits, and so has a position's place in the cache on a device.
    let most = u32::MAX as usize / BLOCK_SIZE - 1;
    let num_blocks = (config.kv_cache_bytes / block_bytes).min(most);
    let needed = max_model_len.div_ceil(BLOCK_SIZE);
    if num_blocks < needed {
        return Err(ModelError::CacheTooSmall {
            bytes: config.kv_cache_bytes,
            max_model_len,
            needed: needed * block_bytes,
        });
    }
    Ok(num_blocks)
}

/// One request for all of the cache, given back at once: the layers' own would abort where it cannot be.
fn prove_memory(bytes: usize, config: &EngineConfig) -> Result<(), ModelError> {
    let mut all: Vec<u8> = Vec::new();
    if black_box(&mut all).try_reserve_exact(bytes).is_err() {
        return Err(ModelError::Config {
            knob: "kv_cache_bytes",
            expected: "no more than the memory that this process can have".to_owned(),
            found: config.kv_cache_bytes,
        });
    }
    Ok(())
}
