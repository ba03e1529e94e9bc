//! What is read from others when somebody asks for the metrics.

use std::time::Duration;

use engine::EngineStats;
use metrics::Gauge;

use super::{EngineGauges, Telemetry};
use crate::admission::Occupancy;

impl Telemetry {
    /// Sets the gauges of the door.
    pub(crate) fn set_admission(&self, occupancy: Occupancy) {
        set(&self.admission.in_use, occupancy.ongoing);
        set(&self.admission.queued, occupancy.queued);
        self.admission.refused.absolute(occupancy.refused);
    }

    /// Everything, in Prometheus' text format.
    pub(crate) fn render(&self) -> String {
        self.handle.render()
    }
}

impl EngineGauges {
    /// Sets the gauges of an engine.
    pub(crate) fn set(&self, stats: &EngineStats) {
        let blocks = stats.blocks;
        // E1: free, used and cached blocks are all blocks.
        let used = blocks.total.saturating_sub(blocks.free + blocks.cached);
        set(&self.running, stats.num_running);
        set(&self.waiting, stats.num_waiting);
        set(&self.free, blocks.free);
        set(&self.used, used);
        set(&self.cached, blocks.cached);
        set(&self.total, blocks.total);
        self.usage.set(ratio(used, blocks.total));
        self.prefix_queries
            .absolute(stats.counters.prefix_queried_tokens);
        self.prefix_hits.absolute(stats.counters.prefix_hit_tokens);
        self.preemptions.absolute(stats.counters.preemptions);
        set(&self.ram_blocks, stats.tiers.memory_blocks);
        set(&self.disk_blocks, stats.tiers.disk_blocks);
        self.ram_hits.absolute(stats.tiers.restored_blocks);
        self.disk_hits.absolute(stats.tiers.fetched_blocks);
        self.steps.absolute(stats.counters.steps);
        self.step_time.absolute(micros(stats.times.steps));
        self.scheduling_time
            .absolute(micros(stats.times.scheduling));
        self.drafts.absolute(stats.counters.drafts);
        self.draft_tokens.absolute(stats.counters.draft_tokens);
        self.accepted_tokens
            .absolute(stats.counters.accepted_tokens);
    }
}

/// A counter holds 64 bits: half a million years.
fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn set(gauge: &Gauge, count: usize) {
    gauge.set(count as f64);
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}
