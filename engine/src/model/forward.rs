//! The seam between the scheduler's side and the models: a plan goes in, logits come out.

use std::fmt::Debug;
use std::mem;

use crate::batch::{BatchPlan, BlockId};
use crate::kernels::Kernels;
use crate::model::ModelError;
use crate::request::ModelLimits;

/// A model that computes plans. It owns the memory of the KV cache; which block belongs to whom is
/// the caller's business.
pub trait Forward: Send + Debug {
    /// The vocabulary and the longest context.
    fn limits(&self) -> ModelLimits;

    /// Blocks of the KV cache: block ids of a plan are below this. Enough for one full context.
    fn num_blocks(&self) -> usize;

    /// Bytes of one block's keys and values, over all layers; 0 when the model cannot give and take
    /// them.
    fn block_bytes(&self) -> usize {
        0
    }

    /// Names the weights and the layout of a block: where two models answer the same, a block of one
    /// may be written into the other.
    fn identity(&self) -> [u8; 32] {
        [0; 32]
    }

    /// Copies a block's keys and values out, and answers whether it could: a device may be gone,
    /// and then [`forward`](Self::forward) fails, too. Never called when there are no
    /// [`block_bytes`](Self::block_bytes); `to` has as many.
    fn read_block(&self, _block: BlockId, _to: &mut [u8]) -> bool {
        false
    }

    /// Puts back what [`read_block`](Self::read_block) gave. Where it cannot,
    /// [`forward`](Self::forward) fails from then on.
    fn write_block(&mut self, _block: BlockId, _from: &[u8]) {}

    /// Computes one step: writes keys and values of all planned positions, and answers the rows of
    /// logits that were asked for.
    ///
    /// A row depends on its own sequence only, bit for bit: not on the others in the plan, nor on
    /// how the sequence was cut into steps (E9).
    ///
    /// # Errors
    /// [`ModelError::Plan`] when the plan does not fit the model; nothing has been written then.
    fn forward(&mut self, plan: &BatchPlan) -> Result<Logits<'_>, ModelError>;
}

/// Threads that a model has for what is done with its logits.
pub trait Workers: Debug + Sync {
    /// Calls `task` once with each of `0..tasks`, on any thread and in any order, and returns when
    /// all calls have. Panics with a task's panic.
    fn for_each(&self, tasks: usize, task: &(dyn Fn(usize) + Sync));
}

impl Workers for Kernels {
    fn for_each(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        Kernels::for_each(self, tasks, task);
    }
}

/// Rows of logits: sequences in the plan's order, and within one the positions in ascending order.
/// Writable, because the sampler works in place.
#[derive(Debug)]
pub struct Logits<'a> {
    rows: &'a mut [f32],
    vocab: usize,
    workers: Option<&'a dyn Workers>,
}

impl<'a> Logits<'a> {
    /// Rows of `vocab` values each, one after the other; values beyond the last whole row are not
    /// seen.
    pub fn new(rows: &'a mut [f32], vocab: usize) -> Self {
        Self {
            rows,
            vocab,
            workers: None,
        }
    }

    /// The same with threads for whoever reads them.
    #[must_use]
    pub fn with_workers(self, workers: &'a dyn Workers) -> Self {
        Self {
            workers: Some(workers),
            ..self
        }
    }

    /// The threads that came with the rows.
    pub(crate) fn workers(&self) -> Option<&'a dyn Workers> {
        self.workers
    }

    /// Takes the first `count` rows off.
    ///
    /// # Panics
    /// When there are fewer.
    pub(crate) fn take_first(&mut self, count: usize) -> Self {
        let (first, rest) = mem::take(&mut self.rows).split_at_mut(count * self.vocab);
        self.rows = rest;
        Self {
            rows: first,
            vocab: self.vocab,
            workers: self.workers,
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len().checked_div(self.vocab).unwrap_or(0)
    }

    /// Whether no row was asked for.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Values in a row.
    pub fn vocab(&self) -> usize {
        self.vocab
    }

    /// Row `index`, one raw logit for each token of the vocabulary.
    ///
    /// # Panics
    /// When there is no such row: plans say how many there are
    /// ([`BatchPlan::num_logit_rows`]).
    pub fn row(&mut self, index: usize) -> &mut [f32] {
        &mut self.rows[index * self.vocab..][..self.vocab]
    }

    /// All rows, in order.
    pub fn rows(&mut self) -> impl Iterator<Item = &mut [f32]> {
        self.rows.chunks_exact_mut(self.vocab.max(1))
    }
}
