//! What an engine is doing, for whoever asks.

use std::time::Duration;

use parking_lot::Mutex;

use crate::kv_cache::{BlockCounts, TierIndex, TierStats};
use crate::scheduler::{Counters, Scheduler};

/// An engine's state after its latest step. Whoever has read an event sees statistics at least as
/// new as the step that sent it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EngineStats {
    /// Requests that were accepted and have not ended, those on their way to the loop included.
    /// Read when asked for, not at the latest step.
    pub held_requests: usize,
    /// Sequences that hold blocks and are computed in each step.
    pub num_running: usize,
    /// Sequences that wait for a slot or for blocks.
    pub num_waiting: usize,
    /// The KV cache's blocks by state.
    pub blocks: BlockCounts,
    /// Totals since the engine started.
    pub counters: Counters,
    /// The KV cache's colder tiers; nothing where there are none.
    pub tiers: TierStats,
    /// Where the time of all steps went.
    pub times: StepTimes,
}

/// Time spent in steps since the engine started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StepTimes {
    /// From the beginning of each plan until its tokens were taken in.
    pub steps: Duration,
    /// The scheduler's part of it: writing the plans, taking the tokens in.
    pub scheduling: Duration,
}

/// Where the loop publishes its statistics. The lock is held only to copy the value in or out.
#[derive(Debug, Default)]
pub(crate) struct StatsBoard(Mutex<EngineStats>);

impl StatsBoard {
    pub(crate) fn publish(&self, scheduler: &Scheduler, times: StepTimes) {
        let stats = EngineStats {
            held_requests: 0,
            num_running: scheduler.running().len(),
            num_waiting: scheduler.waiting().len(),
            blocks: scheduler.cache().counts(),
            counters: *scheduler.counters(),
            tiers: scheduler
                .cache()
                .tiers()
                .map(TierIndex::stats)
                .unwrap_or_default(),
            times,
        };
        *self.0.lock() = stats;
    }

    /// The latest statistics, with the present number of held requests.
    pub(crate) fn read(&self, held_requests: usize) -> EngineStats {
        EngineStats {
            held_requests,
            ..*self.0.lock()
        }
    }
}
