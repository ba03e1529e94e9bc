//! How an engine does.

use std::time::Duration;

use engine::{BlockCounts, Counters, EngineStats, StepTimes, TierStats};

use crate::remote::proto;

pub(in crate::remote) fn from_stats(stats: &EngineStats) -> proto::Status {
    let EngineStats {
        blocks,
        counters,
        tiers,
        times,
        ..
    } = stats;
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    proto::Status {
        held_requests: stats.held_requests as u64,
        running: stats.num_running as u64,
        waiting: stats.num_waiting as u64,
        blocks_total: blocks.total as u64,
        blocks_free: blocks.free as u64,
        blocks_used: blocks.used as u64,
        blocks_cached: blocks.cached as u64,
        steps: counters.steps,
        prompt_tokens: counters.prompt_tokens,
        generated_tokens: counters.generated_tokens,
        drafts: counters.drafts,
        draft_tokens: counters.draft_tokens,
        accepted_tokens: counters.accepted_tokens,
        prefix_queried_tokens: counters.prefix_queried_tokens,
        prefix_hit_tokens: counters.prefix_hit_tokens,
        preemptions: counters.preemptions,
        bypasses: counters.bypasses,
        aborted: counters.aborted,
        finished_stop: counters.finished_stop,
        finished_length: counters.finished_length,
        failed: counters.failed,
        tier_memory_blocks: tiers.memory_blocks as u64,
        tier_disk_blocks: tiers.disk_blocks as u64,
        tier_restored_blocks: tiers.restored_blocks,
        tier_fetched_blocks: tiers.fetched_blocks,
        steps_nanos: nanos(times.steps),
        scheduling_nanos: nanos(times.scheduling),
    }
}

pub(in crate::remote) fn to_stats(message: &proto::Status) -> EngineStats {
    let size = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
    EngineStats {
        held_requests: size(message.held_requests),
        num_running: size(message.running),
        num_waiting: size(message.waiting),
        blocks: BlockCounts {
            total: size(message.blocks_total),
            free: size(message.blocks_free),
            used: size(message.blocks_used),
            cached: size(message.blocks_cached),
        },
        counters: Counters {
            steps: message.steps,
            prompt_tokens: message.prompt_tokens,
            generated_tokens: message.generated_tokens,
            drafts: message.drafts,
            draft_tokens: message.draft_tokens,
            accepted_tokens: message.accepted_tokens,
            prefix_queried_tokens: message.prefix_queried_tokens,
            prefix_hit_tokens: message.prefix_hit_tokens,
            preemptions: message.preemptions,
            bypasses: message.bypasses,
            aborted: message.aborted,
            finished_stop: message.finished_stop,
            finished_length: message.finished_length,
            failed: message.failed,
        },
        tiers: TierStats {
            memory_blocks: size(message.tier_memory_blocks),
            disk_blocks: size(message.tier_disk_blocks),
            restored_blocks: message.tier_restored_blocks,
            fetched_blocks: message.tier_fetched_blocks,
        },
        times: StepTimes {
            steps: Duration::from_nanos(message.steps_nanos),
            scheduling: Duration::from_nanos(message.scheduling_nanos),
        },
    }
}
