//! What must be true of an engine's state: each invariant defined once, for everyone who checks it.
//!
//! The engine loop checks them after each step in debug builds, so every test with an engine does;
//! property tests and the simulation call them by name. E6 (the loop never waits for a client) and
//! E9 (batch invariance) are about time and numbers, not about one state: tests of their own hold
//! them.

use std::collections::{BTreeSet, HashMap};

use thiserror::Error;

use crate::batch::{BatchPlan, BlockId, ScheduledSequence, SequenceId};
use crate::config::BLOCK_SIZE;
use crate::kv_cache::TierIndex;
use crate::scheduler::{MAX_BYPASSES, Scheduler};

/// An invariant that does not hold: a fault of the engine, never of a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{invariant} is broken: {what}")]
pub(crate) struct Violation {
    /// Its number in the design: "E1" and so on.
    pub(crate) invariant: &'static str,
    /// What was found.
    pub(crate) what: String,
}

/// Holds of a plan between `schedule` and the model: E2, E4, E7.
///
/// # Errors
/// The first violation.
pub(crate) fn check_plan(scheduler: &Scheduler, plan: &BatchPlan) -> Result<(), Violation> {
    e2_shared_blocks_are_not_written(scheduler, plan)?;
    e4_step_keeps_its_budget(scheduler, plan)?;
    e7_earliest_sequence_progresses(scheduler, plan)
}

/// Holds between steps: E1, E3, E5. `held` are the accepted requests without a terminal event.
///
/// # Errors
/// The first violation.
pub(crate) fn check_state(
    scheduler: &Scheduler,
    held: impl IntoIterator<Item = SequenceId>,
) -> Result<(), Violation> {
    e1_blocks_add_up(scheduler)?;
    e3_sequences_are_in_one_queue(scheduler)?;
    e5_held_requests_will_end(scheduler, held)
}

/// E1: free + used + cached blocks = total, and a block is used by as many tables as it counts, so
/// nothing leaks and nothing is given away twice.
///
/// # Errors
/// When it does not hold.
pub(crate) fn e1_blocks_add_up(scheduler: &Scheduler) -> Result<(), Violation> {
    let cache = scheduler.cache();
    let counts = cache.counts();
    ensure(
        counts.free + counts.used + counts.cached == counts.total,
        "E1",
        || format!("{counts:?}"),
    )?;
    let mut holders: HashMap<BlockId, u32> = HashMap::new();
    for sequence in scheduler.running() {
        for &block in sequence.table.blocks() {
            *holders.entry(block).or_default() += 1;
        }
    }
    ensure(holders.len() == counts.used, "E1", || {
        format!("tables hold {} blocks, but {counts:?}", holders.len())
    })?;
    for (block, holders) in holders {
        let refs = cache.refs(block);
        ensure(refs == holders, "E1", || {
            format!("{block:?} counts {refs} references and {holders} tables hold it")
        })?;
    }
    Ok(())
}

/// E2: the blocks into which a plan writes are held by its sequence alone and can be found by none.
///
/// # Errors
/// When it does not hold.
pub(crate) fn e2_shared_blocks_are_not_written(
    scheduler: &Scheduler,
    plan: &BatchPlan,
) -> Result<(), Violation> {
    for scheduled in &plan.sequences {
        for &block in written_blocks(scheduled) {
            ensure(scheduler.cache().is_writable(block), "E2", || {
                format!("{:?} writes {block:?}, which is shared", scheduled.id)
            })?;
        }
    }
    Ok(())
}

/// E3: a sequence is in exactly one queue. Both are sorted by arrival. Waiting ones hold no blocks.
///
/// # Errors
/// When it does not hold.
pub(crate) fn e3_sequences_are_in_one_queue(scheduler: &Scheduler) -> Result<(), Violation> {
    let running: Vec<_> = scheduler.running().iter().map(|s| s.id).collect();
    let waiting: Vec<_> = scheduler.waiting().map(|s| s.id).collect();
    for queue in [&running, &waiting] {
        ensure(queue.is_sorted_by(|a, b| a < b), "E3", || {
            format!("a queue is out of order: {queue:?}")
        })?;
    }
    let twice = running.iter().find(|id| waiting.binary_search(id).is_ok());
    ensure(twice.is_none(), "E3", || {
        format!("{twice:?} runs and waits")
    })?;
    let most = scheduler.limits().max_num_seqs();
    ensure(running.len() <= most, "E3", || {
        format!("{} sequences run where {most} may", running.len())
    })?;
    for sequence in scheduler.waiting() {
        let empty = sequence.table.blocks().is_empty() && sequence.num_computed() == 0;
        ensure(empty, "E3", || {
            format!("it waits and holds blocks: {sequence:?}")
        })?;
    }
    Ok(())
}

/// E4: a step's tokens are within its budget, and its sequences within theirs; each is planned once
/// and has something to compute.
///
/// # Errors
/// When it does not hold.
pub(crate) fn e4_step_keeps_its_budget(
    scheduler: &Scheduler,
    plan: &BatchPlan,
) -> Result<(), Violation> {
    let limits = scheduler.limits();
    let (tokens, sequences) = (plan.num_tokens(), plan.sequences.len());
    let within = tokens <= limits.max_num_batched_tokens() && sequences <= limits.max_num_seqs();
    ensure(within, "E4", || {
        format!("{tokens} tokens of {sequences} sequences, but {limits:?}")
    })?;
    let ids: BTreeSet<_> = plan.sequences.iter().map(|s| s.id).collect();
    let idle = plan.sequences.iter().find(|s| s.tokens.is_empty());
    ensure(ids.len() == sequences && idle.is_none(), "E4", || {
        format!("a sequence is planned twice or for nothing: {plan:?}")
    })
}

/// E5, as far as a state shows it: the accepted requests without a terminal event are exactly the
/// sequences that the scheduler still has, so each is bound to end and none can end twice.
///
/// # Errors
/// When it does not hold.
pub(crate) fn e5_held_requests_will_end(
    scheduler: &Scheduler,
    held: impl IntoIterator<Item = SequenceId>,
) -> Result<(), Violation> {
    let held: BTreeSet<_> = held.into_iter().collect();
    let queued = scheduler.running().iter().chain(scheduler.waiting());
    let queued: BTreeSet<_> = queued.map(|s| s.id).collect();
    ensure(held == queued, "E5", || {
        format!("requests {held:?} have not ended, sequences {queued:?} are queued")
    })
}

/// E7: a plan is empty only when no sequence is left, the earliest running sequence is in it, and no
/// waiting one was passed more often than may be. Why that is enough is in the scheduler's docs.
///
/// # Errors
/// When it does not hold.
pub(crate) fn e7_earliest_sequence_progresses(
    scheduler: &Scheduler,
    plan: &BatchPlan,
) -> Result<(), Violation> {
    let mut waiting = scheduler.waiting();
    let earliest = scheduler.running().first();
    match earliest {
        Some(earliest) => {
            let planned = plan.sequences.iter().any(|s| s.id == earliest.id);
            ensure(planned, "E7", || {
                format!("the earliest running sequence is not planned: {earliest:?}")
            })?;
        }
        // All that wait may be waiting for the disk.
        None if scheduler.cache().tiers().is_some_and(TierIndex::is_coming) => {}
        None => ensure(waiting.len() == 0, "E7", || {
            format!("nobody runs and {} wait", scheduler.waiting().len())
        })?,
    }
    let passed = waiting.find(|s| s.bypasses() > MAX_BYPASSES);
    ensure(passed.is_none(), "E7", || {
        format!("it was passed too often: {passed:?}")
    })
}

/// The blocks into which a share of a plan writes.
fn written_blocks(scheduled: &ScheduledSequence) -> &[BlockId] {
    let first = scheduled.start / BLOCK_SIZE;
    let end = (scheduled.start + scheduled.tokens.len()).div_ceil(BLOCK_SIZE);
    &scheduled.block_table[first..end]
}

fn ensure(
    holds: bool,
    invariant: &'static str,
    what: impl FnOnce() -> String,
) -> Result<(), Violation> {
    if holds {
        return Ok(());
    }
    let what = what();
    Err(Violation { invariant, what })
}
