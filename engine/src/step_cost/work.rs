//! [`Work`]: what a step computes, as far as its time depends on it.

use crate::batch::BatchPlan;

/// The quantities in which a step's time is linear, near enough.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// Sequences that take part.
    pub(crate) sequences: usize,
    /// Positions computed: rows of every matrix product but the head's.
    pub(crate) tokens: usize,
    /// Rows of logits: rows of the head's product, and of the sampler.
    pub(crate) logit_rows: usize,
    /// Cached positions read by attention: each sequence reads its context once.
    pub(crate) positions_read: usize,
    /// Pairs of a computed position and one that it attends to.
    pub(crate) pairs: usize,
}

/// How many numbers describe a step: a constant one and four quantities of [`Work`].
pub(super) const FEATURES: usize = 5;

impl Work {
    /// What `plan` computes.
    pub(crate) fn of(plan: &BatchPlan) -> Self {
        let mut work = Self::default();
        for s in &plan.sequences {
            work.add(s.start, s.tokens.len(), s.num_logit_rows());
        }
        work
    }

    /// Adds `count` positions of one sequence, from `start` on, of which `logit_rows` want logits.
    pub(crate) fn add(&mut self, start: usize, count: usize, logit_rows: usize) {
        self.sequences += 1;
        self.tokens += count;
        self.logit_rows += logit_rows;
        self.positions_read += start + count;
        self.pairs += count * start + count * (count + 1) / 2;
    }

    /// The same with `count` more positions of one sequence.
    #[must_use]
    pub(crate) fn with(mut self, start: usize, count: usize, logit_rows: usize) -> Self {
        self.add(start, count, logit_rows);
        self
    }

    /// Whether a token is sampled behind each position: nobody reads a prompt. Guesses count as decoding.
    pub(super) fn is_decode_only(&self) -> bool {
        self.tokens == self.logit_rows
    }

    /// The numbers in which time is linear.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(super) fn features(&self) -> [f64; FEATURES] {
        [
            1.0,
            self.tokens as f64,
            self.logit_rows as f64,
            self.positions_read as f64,
            self.pairs as f64,
        ]
    }
}
