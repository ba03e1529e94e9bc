//! A plan, proved against the model and laid out by rows.

use crate::BLOCK_SIZE;
use crate::batch::{BatchPlan, LogitRows, ScheduledSequence};
use crate::kernels::{AttentionSpan, KvSlot};
use crate::model::ModelError;

/// What a plan must stay within.
#[derive(Debug, Clone, Copy)]
pub(in crate::model) struct Bounds {
    pub(in crate::model) vocab: usize,
    pub(in crate::model) max_model_len: usize,
    pub(in crate::model) max_tokens: usize,
    pub(in crate::model) num_blocks: usize,
}

/// One step by rows: a row is one position of one sequence. Its buffers live on from step to step.
#[derive(Debug, Default)]
pub(in crate::model) struct Step<'a> {
    pub(in crate::model) tokens: Vec<u32>,
    pub(in crate::model) positions: Vec<u32>,
    /// Where each row's key and value go.
    pub(in crate::model) slots: Vec<KvSlot>,
    /// The rows of each sequence.
    pub(in crate::model) spans: Vec<AttentionSpan<'a>>,
    /// Rows that want logits, ascending.
    pub(in crate::model) logit_rows: Vec<usize>,
}

impl<'a> Step<'a> {
    /// Proves the whole plan before anything is written. `heads` is the number of query heads; the
    /// buffers of an earlier step are used again.
    pub(in crate::model) fn of(
        earlier: Step<'static>,
        plan: &'a BatchPlan,
        bounds: &Bounds,
        heads: usize,
    ) -> Result<Self, ModelError> {
        let rows = plan.num_tokens();
        if rows > bounds.max_tokens {
            return Err(ModelError::plan(format!(
                "it has {rows} tokens, but a step computes at most {}",
                bounds.max_tokens
            )));
        }
        let mut step: Self = earlier;
        step.clear();
        for sequence in &plan.sequences {
            prove(sequence, bounds)
                .map_err(|why| ModelError::plan(format!("sequence {}: {why}", sequence.id.0)))?;
            step.push(sequence, heads);
        }
        Ok(step)
    }

    /// The same without its spans, which borrow from the plan.
    pub(super) fn retired(self) -> Step<'static> {
        let mut spans = self.spans;
        spans.clear();
        // Collected in place: the memory stays.
        let spans = spans.into_iter().map(|span| AttentionSpan {
            block_table: &[],
            heads: span.heads,
            q_start: span.q_start,
            q_len: span.q_len,
            context_start: span.context_start,
        });
        Step {
            spans: spans.collect(),
            tokens: self.tokens,
            positions: self.positions,
            slots: self.slots,
            logit_rows: self.logit_rows,
        }
    }

    fn clear(&mut self) {
        self.tokens.clear();
        self.positions.clear();
        self.slots.clear();
        self.spans.clear();
        self.logit_rows.clear();
    }

    /// Rows of the step.
    pub(in crate::model) fn rows(&self) -> usize {
        self.tokens.len()
    }

    /// One more than the last position of any row.
    pub(in crate::model) fn end(&self) -> usize {
        let last = self.positions.iter().max();
        last.map_or(0, |position| *position as usize + 1)
    }

    fn push(&mut self, sequence: &'a ScheduledSequence, heads: usize) {
        let first = self.rows();
        let len = sequence.tokens.len();
        self.tokens.extend_from_slice(&sequence.tokens);
        let positions = sequence.start..sequence.start + len;
        for position in positions {
            // Proved to be below the context length, which is far below 2^32.
            self.positions
                .push(u32::try_from(position).unwrap_or(u32::MAX));
            self.slots.push(KvSlot {
                block: sequence.block_table[position / BLOCK_SIZE],
                offset: position % BLOCK_SIZE,
            });
        }
        self.spans.push(AttentionSpan {
            heads,
            q_start: first,
            q_len: len,
            context_start: sequence.start,
            block_table: &sequence.block_table,
        });
        match sequence.logits {
            LogitRows::None => {}
            LogitRows::Last => self.logit_rows.push(first + len - 1),
            LogitRows::Tail(rows) => self.logit_rows.extend(first + len - rows..first + len),
            LogitRows::All => self.logit_rows.extend(first..first + len),
        }
    }
}

fn prove(sequence: &ScheduledSequence, bounds: &Bounds) -> Result<(), String> {
    let len = sequence.tokens.len();
    if len == 0 {
        return Err("it has no tokens".to_owned());
    }
    if sequence.num_logit_rows() > len {
        return Err(format!(
            "{} rows of logits are asked of {len} tokens",
            sequence.num_logit_rows()
        ));
    }
    let end = sequence.start.saturating_add(len);
    if end > bounds.max_model_len {
        return Err(format!(
            "it reaches to position {end}, but the context has {}",
            bounds.max_model_len
        ));
    }
    let blocks = end.div_ceil(BLOCK_SIZE);
    let Some(table) = sequence.block_table.get(..blocks) else {
        return Err(format!(
            "{end} positions need {blocks} blocks, but it has {}",
            sequence.block_table.len()
        ));
    };
    if let Some(block) = table.iter().find(|b| b.0 as usize >= bounds.num_blocks) {
        return Err(format!(
            "block {} does not exist; the cache has {}",
            block.0, bounds.num_blocks
        ));
    }
    match sequence
        .tokens
        .iter()
        .find(|id| **id as usize >= bounds.vocab)
    {
        Some(id) => Err(format!(
            "token id {id} does not exist; the vocabulary has {}",
            bounds.vocab
        )),
        None => Ok(()),
    }
}
