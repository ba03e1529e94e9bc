//! How far two tokens are apart, as T5 sees it: in buckets, one for each of the nearest distances and
//! then wider and wider ones (Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a
//! Unified Text-to-Text Transformer", 2.1). A bucket adds a learnt number to the attention of each
//! head.

use candle_core::{Device, Result, Tensor};
use candle_nn::VarBuilder;

use super::config::T5Config;

/// The learnt numbers of a stack.
pub(super) struct RelativeBias {
    /// Shape (buckets, heads).
    table: Tensor,
    buckets: Buckets,
}

/// The buckets of a direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Buckets {
    count: usize,
    max_distance: usize,
}

impl RelativeBias {
    pub(super) fn load(weights: &VarBuilder<'_>, config: &T5Config) -> Result<Self> {
        let name = "block.0.layer.0.SelfAttention.relative_attention_bias.weight";
        Ok(Self {
            table: weights.get((config.buckets, config.heads), name)?,
            buckets: Buckets {
                count: config.buckets,
                max_distance: config.max_distance,
            },
        })
    }

    /// What every token adds for every other, before and behind it: shape (heads, tokens, tokens).
    pub(super) fn both_ways(&self, tokens: usize) -> Result<Tensor> {
        let pairs = (0..tokens).flat_map(|from| (0..tokens).map(move |to| (from, to)));
        let buckets = pairs.map(|(from, to)| self.buckets.both_ways(from, to));
        self.of(buckets.collect(), tokens, tokens)
    }

    /// What the last of some tokens adds for each of them: shape (heads, 1, tokens).
    pub(super) fn backwards(&self, tokens: usize) -> Result<Tensor> {
        let distances = (0..tokens).rev();
        let buckets = distances.map(|distance| self.buckets.backwards(distance));
        self.of(buckets.collect(), 1, tokens)
    }

    fn of(&self, buckets: Vec<u32>, rows: usize, columns: usize) -> Result<Tensor> {
        let heads = self.table.dim(1)?;
        let ids = Tensor::from_vec(buckets, rows * columns, &Device::Cpu)?;
        let values = self.table.index_select(&ids, 0)?;
        values
            .reshape((rows, columns, heads))?
            .permute((2, 0, 1))?
            .contiguous()
    }
}

impl Buckets {
    /// Half of the buckets are for tokens before, half for those behind.
    fn both_ways(self, from: usize, to: usize) -> u32 {
        let half = self.count / 2;
        let behind = if to > from { half } else { 0 };
        bucket(from.abs_diff(to), half, self.max_distance, behind)
    }

    /// All buckets are for tokens before.
    fn backwards(self, distance: usize) -> u32 {
        bucket(distance, self.count, self.max_distance, 0)
    }
}

/// The first half of `count` buckets has a distance each, the others grow by equal ratios up to
/// `max_distance`. Single precision, as the reference has it.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "distances and buckets are small, and truncation is what the reference does"
)]
fn bucket(distance: usize, count: usize, max_distance: usize, offset: usize) -> u32 {
    let exact = count / 2;
    let bucket = if distance < exact {
        distance
    } else {
        let exact_f = exact as f32;
        let ratio = (max_distance as f32 / exact_f).ln();
        let beyond = (distance as f32 / exact_f).ln() / ratio * (count - exact) as f32;
        (exact + beyond as usize).min(count - 1)
    };
    (bucket + offset) as u32
}

#[cfg(test)]
mod tests {
    use super::Buckets;

    /// By `T5Attention._relative_position_bucket` of `transformers`.
    #[test]
    fn buckets_are_the_reference_s() {
        let buckets = Buckets {
            count: 32,
            max_distance: 128,
        };
        let before = [0, 1, 7, 8, 11, 12, 15, 16, 31, 32, 63, 64, 127, 128, 4000];
        let both: Vec<u32> = before.iter().map(|d| buckets.both_ways(*d, 0)).collect();
        assert_eq!(both, [0, 1, 7, 8, 8, 9, 9, 10, 11, 12, 13, 14, 15, 15, 15]);
        let behind: Vec<u32> = before.iter().map(|d| buckets.both_ways(0, *d)).collect();
        let shifted: Vec<u32> = both
            .iter()
            .map(|b| if *b == 0 { 0 } else { b + 16 })
            .collect();
        assert_eq!(behind, shifted);
        let backwards: Vec<u32> = before.iter().map(|d| buckets.backwards(*d)).collect();
        assert_eq!(
            backwards,
            [0, 1, 7, 8, 11, 12, 15, 16, 21, 21, 26, 26, 31, 31, 31]
        );
    }
}
