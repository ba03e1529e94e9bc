//! Handles of the metrics of one model.

use std::fmt;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, with_local_recorder};

use super::Telemetry;
use super::names::{
    E2E, FAILURE, GEN_AI_DURATION, GEN_AI_TOKENS, GEN_AI_TPOT, GEN_AI_TTFT, GENERATION_TOKENS, ITL,
    KV_CACHED, KV_FREE, KV_TOTAL, KV_USAGE, KV_USED, PREEMPTIONS, PREFIX_HITS, PREFIX_QUERIES,
    PROMPT_TOKENS, QUEUE_TIME, REQUESTS_RUNNING, REQUESTS_WAITING, SCHEDULING_TIME,
    SPEC_ACCEPTED_TOKENS, SPEC_DRAFT_TOKENS, SPEC_DRAFTS, STEP_TIME, STEPS, SUCCESS, TIER_BLOCKS,
    TIER_HITS, TTFT,
};

/// What is counted while a model answers.
pub(crate) struct ModelMetrics {
    pub(super) prompt_tokens: Counter,
    pub(super) generation_tokens: Counter,
    pub(super) stopped: Counter,
    pub(super) cut_by_length: Counter,
    pub(super) aborted: Counter,
    pub(super) failed: Counter,
    pub(super) inter_token: Histogram,
    pub(super) queue_time: Histogram,
    pub(super) first_token: Histogram,
    pub(super) whole: Histogram,
    pub(super) chat: GenAi,
    pub(super) text_completion: GenAi,
    pub(crate) engine: EngineGauges,
}

/// OpenTelemetry's metrics of one operation on a model.
pub(super) struct GenAi {
    pub(super) first_token: Histogram,
    pub(super) per_token: Histogram,
    pub(super) duration: Histogram,
    pub(super) input_tokens: Histogram,
    pub(super) output_tokens: Histogram,
}

/// What is read from the engine at each scrape.
pub(crate) struct EngineGauges {
    pub(super) running: Gauge,
    pub(super) waiting: Gauge,
    pub(super) usage: Gauge,
    pub(super) free: Gauge,
    pub(super) used: Gauge,
    pub(super) cached: Gauge,
    pub(super) total: Gauge,
    pub(super) prefix_queries: Counter,
    pub(super) prefix_hits: Counter,
    pub(super) preemptions: Counter,
    pub(super) ram_blocks: Gauge,
    pub(super) disk_blocks: Gauge,
    pub(super) ram_hits: Counter,
    pub(super) disk_hits: Counter,
    pub(super) steps: Counter,
    pub(super) step_time: Counter,
    pub(super) scheduling_time: Counter,
    pub(super) drafts: Counter,
    pub(super) draft_tokens: Counter,
    pub(super) accepted_tokens: Counter,
}

impl ModelMetrics {
    /// A request waited so long to be admitted.
    pub(crate) fn admitted(&self, wait: Duration) {
        self.queue_time.record(wait);
    }
}

impl fmt::Debug for ModelMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelMetrics").finish_non_exhaustive()
    }
}

impl Telemetry {
    /// The metrics of the model that clients know as `id`.
    pub(crate) fn model(&self, id: &str) -> ModelMetrics {
        with_local_recorder(&self.recorder, || {
            let counter = |name| metrics::counter!(name, "model_name" => id.to_owned());
            let histogram = |name| metrics::histogram!(name, "model_name" => id.to_owned());
            let ended = |name, label, value: &'static str| {
                let labels = [("model_name", id.to_owned()), (label, value.to_owned())];
                metrics::counter!(name, &labels)
            };
            ModelMetrics {
                prompt_tokens: counter(PROMPT_TOKENS),
                generation_tokens: counter(GENERATION_TOKENS),
                stopped: ended(SUCCESS, "finished_reason", "stop"),
                cut_by_length: ended(SUCCESS, "finished_reason", "length"),
                aborted: ended(FAILURE, "reason", "abort"),
                failed: ended(FAILURE, "reason", "error"),
                inter_token: histogram(ITL),
                queue_time: histogram(QUEUE_TIME),
                first_token: histogram(TTFT),
                whole: histogram(E2E),
                chat: gen_ai("chat", id),
                text_completion: gen_ai("text_completion", id),
                engine: engine_gauges(id),
            }
        })
    }
}

fn engine_gauges(id: &str) -> EngineGauges {
    let gauge = |name| metrics::gauge!(name, "model_name" => id.to_owned());
    let counter = |name| metrics::counter!(name, "model_name" => id.to_owned());
    let tier = |tier: &'static str| [("model_name", id.to_owned()), ("tier", tier.to_owned())];
    EngineGauges {
        running: gauge(REQUESTS_RUNNING),
        waiting: gauge(REQUESTS_WAITING),
        usage: gauge(KV_USAGE),
        free: gauge(KV_FREE),
        used: gauge(KV_USED),
        cached: gauge(KV_CACHED),
        total: gauge(KV_TOTAL),
        prefix_queries: counter(PREFIX_QUERIES),
        prefix_hits: counter(PREFIX_HITS),
        preemptions: counter(PREEMPTIONS),
        ram_blocks: metrics::gauge!(TIER_BLOCKS, &tier("ram")),
        disk_blocks: metrics::gauge!(TIER_BLOCKS, &tier("disk")),
        ram_hits: metrics::counter!(TIER_HITS, &tier("ram")),
        disk_hits: metrics::counter!(TIER_HITS, &tier("disk")),
        steps: counter(STEPS),
        step_time: counter(STEP_TIME),
        scheduling_time: counter(SCHEDULING_TIME),
        drafts: counter(SPEC_DRAFTS),
        draft_tokens: counter(SPEC_DRAFT_TOKENS),
        accepted_tokens: counter(SPEC_ACCEPTED_TOKENS),
    }
}

fn gen_ai(operation: &'static str, id: &str) -> GenAi {
    let labels = [
        ("gen_ai_operation_name", operation.to_owned()),
        ("gen_ai_request_model", id.to_owned()),
    ];
    let tokens = |kind: &'static str| {
        let [operation, model] = labels.clone();
        let labels = [operation, model, ("gen_ai_token_type", kind.to_owned())];
        metrics::histogram!(GEN_AI_TOKENS, &labels)
    };
    GenAi {
        first_token: metrics::histogram!(GEN_AI_TTFT, &labels),
        per_token: metrics::histogram!(GEN_AI_TPOT, &labels),
        duration: metrics::histogram!(GEN_AI_DURATION, &labels),
        input_tokens: tokens("input"),
        output_tokens: tokens("output"),
    }
}
