//! A step as tensors.

use std::iter;

use candle_core::{Device, Result, Tensor};

use super::matrix::TILE_ROWS;
use crate::BLOCK_SIZE;
use crate::batch::BatchPlan;
use crate::kernels::RopeTable;
use crate::kernels::device::{NONE, PagedRows};
use crate::model::llama::Step;

/// Everything that a step's computation reads beside weights and cache, on the device. Rows are
/// filled up to whole tiles; the rows that fill belong to no sequence.
#[derive(Debug)]
pub(super) struct Inputs {
    /// `[row]`: token ids; 0 in rows that fill.
    pub(super) tokens: Tensor,
    pub(super) turns: Turns,
    /// Of layers with a sliding window that turn in a way of their own.
    pub(super) local_turns: Option<Turns>,
    pub(super) rows: PagedRows,
    /// The rows that want logits, filled up to whole tiles; `None` where none does.
    pub(super) logit_rows: Option<Tensor>,
}

/// By how much each row's heads turn: `[row][1][pair]`.
#[derive(Debug)]
pub(super) struct Turns {
    pub(super) cos: Tensor,
    pub(super) sin: Tensor,
}

impl Inputs {
    /// Lays `step`, which is of `plan`, out on `device`; the tables reach to its last position.
    pub(super) fn of(
        step: &Step,
        plan: &BatchPlan,
        (rope, local_rope): (&RopeTable, Option<&RopeTable>),
        device: &Device,
    ) -> Result<Self> {
        let padded = step.rows().next_multiple_of(TILE_ROWS);
        let row_tensor = |mut values: Vec<u32>, filler: u32| {
            values.resize(padded, filler);
            Tensor::from_vec(values, padded, device)
        };
        let turns = |rope: &RopeTable| Turns::of(&step.positions, padded, rope, device);
        let slots = step.slots.iter().map(|slot| {
            // Below the number of blocks that is proved to leave room for this (`num_blocks`).
            let offset = u32::try_from(slot.offset).unwrap_or(NONE);
            slot.block.0 * BLOCK_SIZE_U32 + offset
        });
        Ok(Self {
            tokens: row_tensor(step.tokens.clone(), 0)?,
            turns: turns(rope)?,
            local_turns: local_rope.map(turns).transpose()?,
            rows: PagedRows {
                positions: row_tensor(step.positions.clone(), NONE)?,
                slots: row_tensor(slots.collect(), NONE)?,
                sequences: row_tensor(sequences(plan), 0)?,
                tables: tables(step, plan, device)?,
            },
            logit_rows: logit_rows(step, device)?,
        })
    }
}

const BLOCK_SIZE_U32: u32 = 16;
const _: () = assert!(BLOCK_SIZE_U32 as usize == BLOCK_SIZE);

impl Turns {
    fn of(positions: &[u32], padded: usize, rope: &RopeTable, device: &Device) -> Result<Self> {
        let (mut cos, mut sin) = (Vec::new(), Vec::new());
        for &position in positions {
            let (cosines, sines) = rope.cos_sin(position);
            cos.extend_from_slice(cosines);
            sin.extend_from_slice(sines);
        }
        let pairs = cos.len() / positions.len().max(1);
        let tensor = |mut values: Vec<f32>| {
            values.resize(padded * pairs, 0.0);
            Tensor::from_vec(values, (padded, 1, pairs), device)
        };
        Ok(Self {
            cos: tensor(cos)?,
            sin: tensor(sin)?,
        })
    }
}

/// Which sequence each row belongs to.
fn sequences(plan: &BatchPlan) -> Vec<u32> {
    let mut sequences = Vec::with_capacity(plan.num_tokens());
    for (number, sequence) in (0..).zip(&plan.sequences) {
        sequences.extend(iter::repeat_n(number, sequence.tokens.len()));
    }
    sequences
}

/// The blocks of each sequence, as far as the step reads them.
fn tables(step: &Step, plan: &BatchPlan, device: &Device) -> Result<Tensor> {
    let (height, width) = (plan.sequences.len(), step.end().div_ceil(BLOCK_SIZE));
    let mut tables = Vec::with_capacity(height * width);
    for (number, sequence) in (1..).zip(&plan.sequences) {
        let blocks = sequence.block_table.iter().take(width);
        tables.extend(blocks.map(|block| block.0));
        tables.resize(number * width, 0);
    }
    Tensor::from_vec(tables, (height, width), device)
}

fn logit_rows(step: &Step, device: &Device) -> Result<Option<Tensor>> {
    if step.logit_rows.is_empty() {
        return Ok(None);
    }
    let wanted = step.logit_rows.iter();
    let mut rows: Vec<u32> = wanted
        .map(|&row| u32::try_from(row).unwrap_or(NONE))
        .collect();
    rows.resize(rows.len().next_multiple_of(TILE_ROWS), 0);
    let len = rows.len();
    Tensor::from_vec(rows, len, device).map(Some)
}
