//! Rotary position embedding (Su et al., 2021).

/// Which values of a head turn together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RopeStyle {
    /// 2i with 2i + 1: Llama weights in GGUF files.
    Interleaved,
    /// i with i + half of the turned values: weights as `transformers` stores them.
    Halves,
}

/// Cosines and sines for each position, computed as far as they were needed: for long contexts and
/// wide heads a whole table takes longer than the rest of a start.
#[derive(Debug)]
pub struct RopeTable {
    style: RopeStyle,
    inv_freq: Vec<f32>,
    attention_scale: f32,
    /// Pairs of values that turn.
    pairs: usize,
    /// For each position, `pairs` cosines, then `pairs` sines.
    turns: Vec<f32>,
}

/// Positions by which a table grows.
const GROWTH: usize = 64;

impl RopeTable {
    /// A table for positions below `positions`; [`RopeTable::reach`] makes it longer. Pair i of a
    /// head turns by `position * inv_freq[i]`, rounded to f32 as `transformers` does; cosine and sine
    /// are then multiplied by `attention_scale`. Values of a head beyond the pairs stay as they are.
    pub fn new(inv_freq: &[f32], attention_scale: f32, style: RopeStyle, positions: usize) -> Self {
        let mut table = Self {
            style,
            inv_freq: inv_freq.to_vec(),
            attention_scale,
            pairs: inv_freq.len(),
            turns: Vec::new(),
        };
        table.extend(positions);
        table
    }

    /// Makes sure that the table has positions below `positions`.
    pub fn reach(&mut self, positions: usize) {
        if positions > self.positions() {
            self.extend(positions.next_multiple_of(GROWTH));
        }
    }

    /// Positions that the table has.
    pub fn positions(&self) -> usize {
        self.turns
            .len()
            .checked_div(2 * self.pairs)
            .unwrap_or(usize::MAX)
    }

    fn extend(&mut self, positions: usize) {
        for position in self.positions()..positions {
            let angles = || {
                let frequencies = self.inv_freq.iter();
                frequencies.map(move |frequency| angle(position, *frequency))
            };
            let scale = self.attention_scale;
            let cosines = angles().map(|angle| narrow(angle.cos()) * scale);
            let sines = angles().map(|angle| narrow(angle.sin()) * scale);
            self.turns.extend(cosines.chain(sines));
        }
    }

    /// Pairs of values that turn; the rest of a head stays.
    pub(in crate::kernels) fn pairs(&self) -> usize {
        self.pairs
    }

    /// Cosines and sines of a position below [`positions`](Self::positions).
    #[inline(always)]
    pub(crate) fn cos_sin(&self, position: u32) -> (&[f32], &[f32]) {
        let start = position as usize * 2 * self.pairs;
        self.turns[start..start + 2 * self.pairs].split_at(self.pairs)
    }

    /// Turns one head or several, one after the other, to `position`, below
    /// [`positions`](Self::positions).
    #[inline(always)]
    pub(in crate::kernels) fn turn(&self, heads: &mut [f32], head_dim: usize, position: u32) {
        let (cos, sin) = self.cos_sin(position);
        for head in heads.chunks_exact_mut(head_dim) {
            match self.style {
                RopeStyle::Interleaved => interleaved(&mut head[..2 * self.pairs], cos, sin),
                RopeStyle::Halves => halves(&mut head[..2 * self.pairs], cos, sin),
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "positions are far below 2^24")]
fn angle(position: usize, frequency: f32) -> f64 {
    f64::from(position as f32 * frequency)
}

#[expect(clippy::cast_possible_truncation, reason = "rounds a cosine to f32")]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[inline(always)]
fn interleaved(x: &mut [f32], cos: &[f32], sin: &[f32]) {
    let (pairs, _) = x.as_chunks_mut::<2>();
    for ((pair, cos), sin) in pairs.iter_mut().zip(cos).zip(sin) {
        let [a, b] = *pair;
        *pair = [a.mul_add(*cos, -(b * sin)), b.mul_add(*cos, a * sin)];
    }
}

#[inline(always)]
fn halves(x: &mut [f32], cos: &[f32], sin: &[f32]) {
    let (first, second) = x.split_at_mut(cos.len());
    for ((a, b), (cos, sin)) in first.iter_mut().zip(second).zip(cos.iter().zip(sin)) {
        (*a, *b) = (a.mul_add(*cos, -(*b * sin)), b.mul_add(*cos, *a * sin));
    }
}
