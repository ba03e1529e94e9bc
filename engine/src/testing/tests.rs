//! The fake model notices what it is there to notice.

use crate::batch::{BatchPlan, BlockId, LogitRows, ScheduledSequence, SequenceId};
use crate::model::{Forward, ModelError};
use crate::request::ModelLimits;
use crate::testing::FakeModel;

fn model() -> FakeModel {
    let limits = ModelLimits {
        vocab_size: 1000,
        max_model_len: 128,
    };
    FakeModel::new(limits, 8)
}

fn plan(tokens: Vec<u32>, start: usize, blocks: &[u32], logits: LogitRows) -> BatchPlan {
    BatchPlan {
        sequences: vec![ScheduledSequence {
            id: SequenceId(0),
            tokens,
            start,
            block_table: blocks.iter().copied().map(BlockId).collect(),
            logits,
        }],
    }
}

/// The rows of a plan.
fn rows(model: &mut FakeModel, plan: &BatchPlan) -> Vec<Vec<f32>> {
    let mut logits = model.forward(plan).unwrap();
    assert_eq!(logits.len(), plan.num_logit_rows());
    logits.rows().map(|row| row.to_vec()).collect()
}

fn argmax(row: &[f32]) -> u32 {
    let best = (0..).zip(row).max_by(|(_, a), (_, b)| a.total_cmp(b));
    best.unwrap().0
}

#[test]
fn chunks_give_the_rows_of_the_whole() {
    let prompt: Vec<u32> = (0..40).collect();
    let whole = rows(
        &mut model(),
        &plan(prompt.clone(), 0, &[0, 1, 2], LogitRows::All),
    );
    let mut other = model();
    let mut chunked = rows(
        &mut other,
        &plan(prompt[..20].to_vec(), 0, &[5, 3], LogitRows::All),
    );
    let rest = plan(prompt[20..].to_vec(), 20, &[5, 3, 6], LogitRows::All);
    chunked.extend(rows(&mut other, &rest));
    assert_eq!(chunked, whole);
    let last = rows(&mut model(), &plan(prompt, 0, &[0, 1, 2], LogitRows::Last));
    assert_eq!(last[0], whole[39]);
}

#[test]
fn another_beginning_in_a_block_changes_the_answer() {
    let mut model = model();
    rows(
        &mut model,
        &plan((0..16).collect(), 0, &[0], LogitRows::None),
    );
    rows(
        &mut model,
        &plan((1..17).collect(), 0, &[1], LogitRows::None),
    );
    let right = rows(&mut model, &plan(vec![7], 16, &[0, 2], LogitRows::Last));
    let stale = rows(&mut model, &plan(vec![7], 16, &[1, 2], LogitRows::Last));
    assert_ne!(right, stale);
}

#[test]
fn a_wrong_position_fails_the_step() {
    let mut model = model();
    rows(
        &mut model,
        &plan((0..20).collect(), 0, &[0, 1], LogitRows::None),
    );
    for (why, wrong) in [
        ("not written", plan(vec![7], 20, &[0, 2], LogitRows::Last)),
        (
            "the wrong order",
            plan(vec![7], 20, &[1, 0], LogitRows::Last),
        ),
        (
            "a block too few",
            plan(vec![7], 32, &[0, 1], LogitRows::Last),
        ),
        ("no such block", plan(vec![7], 0, &[8], LogitRows::Last)),
        ("nothing to compute", plan(vec![], 0, &[0], LogitRows::None)),
    ] {
        let failed = model.forward(&wrong);
        assert!(matches!(failed, Err(ModelError::Plan { .. })), "{why}");
    }
}

#[test]
fn a_script_is_said_once_and_then_ends() {
    let mut model = model().scripted(vec![4, 4, 5, 4, 4, 6], 2);
    let mut tokens = vec![9, 8, 7];
    for said in [4, 4, 5, 4, 4, 6, 2] {
        let row = rows(&mut model, &plan(tokens.clone(), 0, &[0], LogitRows::Last));
        assert_eq!(argmax(&row[0]), said);
        tokens.push(said);
    }
}
