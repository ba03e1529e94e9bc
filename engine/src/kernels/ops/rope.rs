//! Rotary position embedding (Su et al., 2021).

#![expect(unsafe_code, reason = "rows are written by several threads")]

use super::least_rows;
use crate::kernels::Kernels;
use crate::kernels::disjoint::Disjoint;
use crate::kernels::simd::{Kernel, Simd};

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

    /// Cosines and sines of a position that the table reaches to.
    #[inline(always)]
    pub(crate) fn turn(&self, position: u32) -> (&[f32], &[f32]) {
        let start = position as usize * 2 * self.pairs;
        self.turns[start..start + 2 * self.pairs].split_at(self.pairs)
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

impl Kernels {
    /// Turns each of `heads` heads of each row of `x` to the row's position.
    ///
    /// # Panics
    /// When `x` is not one row of `heads * head_dim` values a position, the table turns more values
    /// than a head has, or a position lies beyond the table.
    pub fn rope(
        &self,
        x: &mut [f32],
        heads: usize,
        head_dim: usize,
        positions: &[u32],
        table: &RopeTable,
    ) {
        let width = heads * head_dim;
        assert_eq!(
            x.len(),
            positions.len() * width,
            "rows of {heads} heads of {head_dim}"
        );
        assert!(
            2 * table.pairs <= head_dim,
            "{} pairs in a head of {head_dim}",
            table.pairs
        );
        let x = Disjoint::new(x);
        self.run_items(positions.len(), least_rows(width), |start, len| Rope {
            // SAFETY: each row is in one chunk.
            x: unsafe { x.part(start * width, len * width) },
            width,
            head_dim,
            positions: &positions[start..start + len],
            table,
        });
    }
}

struct Rope<'a> {
    x: &'a mut [f32],
    width: usize,
    head_dim: usize,
    positions: &'a [u32],
    table: &'a RopeTable,
}

impl Kernel for Rope<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let turned = 2 * self.table.pairs;
        for (row, &position) in self
            .x
            .chunks_exact_mut(self.width.max(1))
            .zip(self.positions)
        {
            let (cos, sin) = self.table.turn(position);
            for head in row.chunks_exact_mut(self.head_dim) {
                match self.table.style {
                    RopeStyle::Interleaved => interleaved(&mut head[..turned], cos, sin),
                    RopeStyle::Halves => halves(&mut head[..turned], cos, sin),
                }
            }
        }
    }
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
