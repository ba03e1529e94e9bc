//! A plan, proved against the model and laid out by rows.

use crate::BLOCK_SIZE;
use crate::batch::{BatchPlan, LogitRows, ScheduledSequence};
use crate::kernels::{AttentionPlan, AttentionShape, AttentionSpan, Kernels, KvSlot};
use crate::model::ModelError;
use crate::model::spec::ModelSpec;

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
pub(in crate::model) struct Step {
    pub(in crate::model) tokens: Vec<u32>,
    pub(in crate::model) positions: Vec<u32>,
    /// Where each row's key and value go.
    pub(in crate::model) slots: Vec<KvSlot>,
    /// Rows that want logits, ascending.
    pub(in crate::model) logit_rows: Vec<usize>,
    /// Attention of the rows of each sequence, in layers that see all positions.
    attention: AttentionPlan,
    /// In layers with a sliding window; it is set where there are such layers.
    local_attention: AttentionPlan,
}

impl Step {
    /// Takes another plan's rows, and plans their attention once for all layers of a kind. Proves the
    /// whole plan before the cache is written.
    pub(super) fn set(
        &mut self,
        plan: &BatchPlan,
        bounds: &Bounds,
        kernels: &Kernels,
        spec: &ModelSpec,
    ) -> Result<(), ModelError> {
        self.set_rows(plan, bounds)?;
        self.plan_attention(kernels, spec, plan);
        Ok(())
    }

    /// Takes another plan's rows without planning their attention, which a device does by itself. Proves
    /// the whole plan.
    pub(in crate::model) fn set_rows(
        &mut self,
        plan: &BatchPlan,
        bounds: &Bounds,
    ) -> Result<(), ModelError> {
        let rows = plan.num_tokens();
        if rows > bounds.max_tokens {
            return Err(ModelError::plan(format!(
                "it has {rows} tokens, but a step computes at most {}",
                bounds.max_tokens
            )));
        }
        self.clear();
        for sequence in &plan.sequences {
            prove(sequence, bounds)
                .map_err(|why| ModelError::plan(format!("sequence {}: {why}", sequence.id.0)))?;
            self.push(sequence);
        }
        Ok(())
    }

    fn plan_attention(&mut self, kernels: &Kernels, spec: &ModelSpec, plan: &BatchPlan) {
        let shape = AttentionShape {
            heads: spec.heads,
            kv_heads: spec.kv_heads,
            window: usize::MAX,
        };
        self.attention.set(kernels, shape, spans(plan));
        if let Some(local) = &spec.local {
            let window = local.window;
            let shape = AttentionShape { window, ..shape };
            self.local_attention.set(kernels, shape, spans(plan));
        }
    }

    /// How attention is computed; `local` says that the layer has a sliding window.
    pub(super) fn attention(&self, local: bool) -> &AttentionPlan {
        match local {
            true => &self.local_attention,
            false => &self.attention,
        }
    }

    fn clear(&mut self) {
        self.tokens.clear();
        self.positions.clear();
        self.slots.clear();
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

    fn push(&mut self, sequence: &ScheduledSequence) {
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
        match sequence.logits {
            LogitRows::None => {}
            LogitRows::Last => self.logit_rows.push(first + len - 1),
            LogitRows::Tail(rows) => self.logit_rows.extend(first + len - rows..first + len),
            LogitRows::All => self.logit_rows.extend(first..first + len),
        }
    }
}

/// The queries of each sequence.
fn spans(plan: &BatchPlan) -> impl Iterator<Item = AttentionSpan<'_>> {
    let mut rows = 0;
    plan.sequences.iter().map(move |sequence| {
        let q_start = rows;
        rows += sequence.tokens.len();
        AttentionSpan {
            q_start,
            q_len: sequence.tokens.len(),
            context_start: sequence.start,
            block_table: &sequence.block_table,
        }
    })
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
