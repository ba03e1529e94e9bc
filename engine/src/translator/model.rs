//! The encoder, the decoder, and the logits.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::kv_cache::KvCache;
use candle_nn::{Module, RmsNorm, VarBuilder, rms_norm};

use super::attention::{Attention, KeysValues};
use super::config::T5Config;
use super::feed_forward::FeedForward;
use super::positions::RelativeBias;
use crate::checkpoint::{EncoderError, Folder};

/// A T5 with its weights, 32-bit floats on the CPU. Rows have the shape (tokens, width): there is one
/// text at a time.
pub(super) struct T5 {
    embeddings: Tensor,
    encoder: Stack<EncoderBlock>,
    decoder: Stack<DecoderBlock>,
    /// Shape (vocabulary, width).
    head: Tensor,
    /// What rows are multiplied with before the logits.
    scale: Option<f64>,
}

/// A text that is being written.
pub(super) struct Writing {
    /// What the decoder attends to in the encoder's rows, by layer.
    read: Vec<KeysValues>,
    /// What it wrote, by layer.
    written: Vec<KvCache>,
    tokens: usize,
}

struct Stack<B> {
    blocks: Vec<B>,
    positions: RelativeBias,
    norm: RmsNorm,
}

struct EncoderBlock {
    attention: Attention,
    feed_forward: FeedForward,
}

struct DecoderBlock {
    attention: Attention,
    cross: Attention,
    feed_forward: FeedForward,
}

/// Tokens for which a cache has room at first; it grows by as many.
const CACHED: usize = 64;

impl T5 {
    pub(super) fn load(
        folder: &Folder,
        config: &T5Config,
    ) -> std::result::Result<Self, EncoderError> {
        let (path, bytes) = folder.weights()?;
        VarBuilder::from_slice_safetensors(&bytes, DType::F32, &Device::Cpu)
            .and_then(|weights| Self::of(&weights, config))
            .map_err(|error| EncoderError::corrupt(&path, error))
    }

    fn of(weights: &VarBuilder<'_>, config: &T5Config) -> Result<Self> {
        let table = (config.vocab_size, config.width);
        // The three share one table; which of its names a checkpoint keeps depends on who wrote it.
        let names = [
            "shared.weight",
            "encoder.embed_tokens.weight",
            "decoder.embed_tokens.weight",
        ];
        let named = names.iter().find(|name| weights.contains_tensor(name));
        let embeddings = weights.get(table, named.unwrap_or(&names[0]))?;
        let own_head = "lm_head.weight";
        let head = if weights.contains_tensor(own_head) {
            weights.get(table, own_head)?
        } else {
            embeddings.clone()
        };
        #[expect(clippy::cast_precision_loss, reason = "a width is small")]
        let scale = config.scaled.then(|| (config.width as f64).powf(-0.5));
        Ok(Self {
            embeddings,
            encoder: Stack::load(
                &weights.pp("encoder"),
                config,
                config.encoder_layers,
                |block| {
                    Ok(EncoderBlock {
                        attention: Attention::load(&block.pp("0"), "SelfAttention", config)?,
                        feed_forward: FeedForward::load(&block.pp("1"), config)?,
                    })
                },
            )?,
            decoder: Stack::load(
                &weights.pp("decoder"),
                config,
                config.decoder_layers,
                |block| {
                    Ok(DecoderBlock {
                        attention: Attention::load(&block.pp("0"), "SelfAttention", config)?,
                        cross: Attention::load(&block.pp("1"), "EncDecAttention", config)?,
                        feed_forward: FeedForward::load(&block.pp("2"), config)?,
                    })
                },
            )?,
            head,
            scale,
        })
    }

    /// Reads a text of one token or more; what is written about it begins with the next token.
    pub(super) fn read(&self, ids: &[u32]) -> Result<Writing> {
        let bias = self.encoder.positions.both_ways(ids.len())?;
        let mut rows = self.embed(ids)?;
        for block in &self.encoder.blocks {
            let normed = block.attention.normed(&rows)?;
            let to = block.attention.keys_values(&normed)?;
            rows = (rows + block.attention.attend(&normed, &to, Some(&bias))?)?;
            rows = block.feed_forward.forward(&rows)?;
        }
        let rows = self.encoder.norm.forward(&rows)?;
        let blocks = self.decoder.blocks.iter();
        let read = blocks.map(|block| block.cross.keys_values(&rows));
        let caches = self.decoder.blocks.iter().map(|_| KvCache::new(1, CACHED));
        Ok(Writing {
            read: read.collect::<Result<_>>()?,
            written: caches.collect(),
            tokens: 0,
        })
    }

    /// Takes the token that was written last, and gives the logits of the next.
    pub(super) fn write(&self, text: &mut Writing, token: u32) -> Result<Vec<f32>> {
        text.tokens += 1;
        let bias = self.decoder.positions.backwards(text.tokens)?;
        let mut rows = self.embed(&[token])?;
        let layers = text.read.iter().zip(&mut text.written);
        for (block, (read, written)) in self.decoder.blocks.iter().zip(layers) {
            let normed = block.attention.normed(&rows)?;
            let new = block.attention.keys_values(&normed)?;
            let (keys, values) = written.append(&new.keys, &new.values)?;
            let to = KeysValues { keys, values };
            rows = (rows + block.attention.attend(&normed, &to, Some(&bias))?)?;
            let normed = block.cross.normed(&rows)?;
            rows = (rows + block.cross.attend(&normed, read, None)?)?;
            rows = block.feed_forward.forward(&rows)?;
        }
        let rows = self.decoder.norm.forward(&rows)?;
        let rows = match self.scale {
            Some(scale) => (rows * scale)?,
            None => rows,
        };
        rows.matmul(&self.head.t()?)?.squeeze(0)?.to_vec1()
    }

    fn embed(&self, ids: &[u32]) -> Result<Tensor> {
        let ids = Tensor::new(ids, &Device::Cpu)?;
        self.embeddings.index_select(&ids, 0)
    }
}

impl<B> Stack<B> {
    fn load(
        weights: &VarBuilder<'_>,
        config: &T5Config,
        layers: usize,
        block: impl Fn(VarBuilder<'_>) -> Result<B>,
    ) -> Result<Self> {
        let blocks = (0..layers).map(|index| block(weights.pp(format!("block.{index}.layer"))));
        Ok(Self {
            blocks: blocks.collect::<Result<_>>()?,
            positions: RelativeBias::load(weights, config)?,
            norm: rms_norm(config.width, config.epsilon, weights.pp("final_layer_norm"))?,
        })
    }
}
