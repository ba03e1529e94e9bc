//! Names, kinds and meanings of all metrics: one table, from which they are described to Prometheus
//! and against which `docs/metrics.md` is checked.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution.
    Histogram,
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

pub(super) const REQUESTS_RUNNING: &str = "penstock_num_requests_running";
pub(super) const REQUESTS_WAITING: &str = "penstock_num_requests_waiting";
pub(super) const KV_USAGE: &str = "penstock_kv_cache_usage_perc";
pub(super) const KV_TOTAL: &str = "penstock_kv_cache_blocks_total";
pub(super) const KV_FREE: &str = "penstock_kv_cache_blocks_free";
pub(super) const KV_USED: &str = "penstock_kv_cache_blocks_used";
pub(super) const KV_CACHED: &str = "penstock_kv_cache_blocks_cached";
pub(super) const PREFIX_QUERIES: &str = "penstock_prefix_cache_queries_total";
pub(super) const PREFIX_HITS: &str = "penstock_prefix_cache_hits_total";
pub(super) const PREEMPTIONS: &str = "penstock_num_preemptions_total";
pub(super) const TIER_BLOCKS: &str = "penstock_kv_tier_blocks";
pub(super) const TIER_HITS: &str = "penstock_kv_tier_hits_total";
pub(super) const STEPS: &str = "penstock_engine_steps_total";
pub(super) const STEP_TIME: &str = "penstock_engine_step_microseconds_total";
pub(super) const SCHEDULING_TIME: &str = "penstock_engine_scheduling_microseconds_total";
pub(super) const SPEC_DRAFTS: &str = "penstock_spec_decode_num_drafts_total";
pub(super) const SPEC_DRAFT_TOKENS: &str = "penstock_spec_decode_num_draft_tokens_total";
pub(super) const SPEC_ACCEPTED_TOKENS: &str = "penstock_spec_decode_num_accepted_tokens_total";
pub(super) const PROMPT_TOKENS: &str = "penstock_prompt_tokens_total";
pub(super) const GENERATION_TOKENS: &str = "penstock_generation_tokens_total";
pub(super) const SUCCESS: &str = "penstock_request_success_total";
pub(super) const FAILURE: &str = "penstock_request_failure_total";
pub(super) const TTFT: &str = "penstock_time_to_first_token_seconds";
pub(super) const ITL: &str = "penstock_inter_token_latency_seconds";
pub(super) const E2E: &str = "penstock_e2e_request_latency_seconds";
pub(super) const QUEUE_TIME: &str = "penstock_request_queue_time_seconds";
pub(super) const ADMISSION_IN_USE: &str = "penstock_admission_permits_in_use";
pub(super) const ADMISSION_QUEUED: &str = "penstock_admission_queued";
pub(super) const ADMISSION_REFUSED: &str = "penstock_admission_refused_total";
pub(super) const OPEN_STREAMS: &str = "penstock_open_streams";
pub(super) const UNKNOWN_FIELDS: &str = "penstock_unknown_request_fields_total";
pub(super) const HTTP_REQUESTS: &str = "penstock_http_requests_total";
pub(super) const DEPLOYMENT_REQUESTS: &str = "penstock_deployment_requests_total";
pub(super) const DEPLOYMENT_REFUSED: &str = "penstock_deployment_refused_total";
pub(super) const DEPLOYMENT_ERRORS: &str = "penstock_deployment_errors_total";
pub(super) const DEPLOYMENT_QUEUED: &str = "penstock_deployment_queued_requests";
pub(super) const DEPLOYMENT_ONGOING: &str = "penstock_deployment_ongoing_requests";
pub(super) const DEPLOYMENT_REPLICAS: &str = "penstock_deployment_replicas";
pub(super) const DEPLOYMENT_TARGET: &str = "penstock_deployment_target_replicas";
pub(super) const DEPLOYMENT_STARTS: &str = "penstock_deployment_replica_starts_total";
pub(super) const DEPLOYMENT_HEALTH_FAILURES: &str =
    "penstock_deployment_health_check_failures_total";
pub(super) const DEPLOYMENT_LATENCY: &str = "penstock_deployment_processing_latency_seconds";
pub(super) const REPLICAS: &str = "penstock_replicas";
pub(super) const REPLICA_RESTARTS: &str = "penstock_replica_restarts_total";
pub(super) const FAILOVERS: &str = "penstock_replica_failovers_total";
pub(super) const QUARANTINED: &str = "penstock_replica_quarantined_requests_total";
pub(super) const GRPC_REQUESTS: &str = "penstock_grpc_requests_total";
pub(super) const BATCHES: &str = "penstock_batch_ended_total";
pub(super) const BATCH_LINES: &str = "penstock_batch_lines_total";
pub(super) const BATCH_LINES_IN_FLIGHT: &str = "penstock_batch_lines_in_flight";
pub(super) const BATCH_LINES_YIELDED: &str = "penstock_batch_lines_yielded_total";
pub(super) const GEN_AI_TTFT: &str = "gen_ai_server_time_to_first_token_seconds";
pub(super) const GEN_AI_TPOT: &str = "gen_ai_server_time_per_output_token_seconds";
pub(super) const GEN_AI_DURATION: &str = "gen_ai_server_request_duration_seconds";
pub(super) const GEN_AI_TOKENS: &str = "gen_ai_client_token_usage";

const MODEL: &[&str] = &["model_name"];
const DEPLOYMENT: &[&str] = &["application", "deployment"];
const GEN_AI: &[&str] = &["gen_ai_operation_name", "gen_ai_request_model"];

/// All metrics.
pub static METRICS: &[Metric] = &[
    gauge(
        REQUESTS_RUNNING,
        MODEL,
        "Sequences that the engine computes.",
    ),
    gauge(
        REQUESTS_WAITING,
        MODEL,
        "Sequences that wait in the engine.",
    ),
    gauge(
        KV_USAGE,
        MODEL,
        "Share of KV cache blocks that running sequences hold, from 0 to 1.",
    ),
    gauge(
        KV_TOTAL,
        MODEL,
        "KV cache blocks in all: free, used and cached together.",
    ),
    gauge(KV_FREE, MODEL, "KV cache blocks that are empty."),
    gauge(KV_USED, MODEL, "KV cache blocks that sequences hold."),
    gauge(
        KV_CACHED,
        MODEL,
        "KV cache blocks that none holds, kept for prompts that begin alike.",
    ),
    counter(
        PREFIX_QUERIES,
        MODEL,
        "Prompt tokens that were looked up in the prefix cache.",
    ),
    counter(
        PREFIX_HITS,
        MODEL,
        "Prompt tokens that were found in the prefix cache.",
    ),
    counter(
        PREEMPTIONS,
        MODEL,
        "Sequences that gave up their blocks and were computed again.",
    ),
    gauge(
        TIER_BLOCKS,
        &["model_name", "tier"],
        "KV cache blocks that the pool had no room for, in memory (ram) and in files (disk).",
    ),
    counter(
        TIER_HITS,
        &["model_name", "tier"],
        "Blocks that were read back: from ram to the pool, from disk to ram.",
    ),
    counter(STEPS, MODEL, "Steps of the engine that computed something."),
    counter(
        STEP_TIME,
        MODEL,
        "Microseconds that the engine's steps took.",
    ),
    counter(
        SCHEDULING_TIME,
        MODEL,
        "Microseconds of them in which the scheduler planned and took results in.",
    ),
    counter(
        SPEC_DRAFTS,
        MODEL,
        "Times that tokens were guessed ahead for a sequence.",
    ),
    counter(SPEC_DRAFT_TOKENS, MODEL, "Tokens guessed ahead."),
    counter(
        SPEC_ACCEPTED_TOKENS,
        MODEL,
        "Tokens guessed ahead that were then sampled.",
    ),
    counter(PROMPT_TOKENS, MODEL, "Prompt tokens of answers that ended."),
    counter(GENERATION_TOKENS, MODEL, "Tokens generated and delivered."),
    counter(
        SUCCESS,
        &["model_name", "finished_reason"],
        "Answers that ended as they should: stop or length.",
    ),
    counter(
        FAILURE,
        &["model_name", "reason"],
        "Requests that were admitted and did not end well: the client left (abort) or an error.",
    ),
    histogram(
        TTFT,
        MODEL,
        "Time from a request's arrival to its first token.",
    ),
    histogram(ITL, MODEL, "Time between two pieces of one answer."),
    histogram(
        E2E,
        MODEL,
        "Time from a request's arrival to the end of its answer.",
    ),
    histogram(
        QUEUE_TIME,
        MODEL,
        "Time that a request waited for admission.",
    ),
    gauge(
        ADMISSION_IN_USE,
        &[],
        "Requests that hold a permit to generate.",
    ),
    gauge(ADMISSION_QUEUED, &[], "Requests that wait for a permit."),
    counter(
        ADMISSION_REFUSED,
        &[],
        "Requests refused for lack of room: every place was taken, or the engine was full.",
    ),
    gauge(OPEN_STREAMS, &[], "Event streams that are open."),
    counter(
        UNKNOWN_FIELDS,
        &[],
        "Request fields that were ignored because no table knows them.",
    ),
    counter(
        HTTP_REQUESTS,
        &["route", "status"],
        "Requests answered, by route and status.",
    ),
    counter(
        DEPLOYMENT_REQUESTS,
        DEPLOYMENT,
        "Calls of a deployment, refused ones among them.",
    ),
    counter(
        DEPLOYMENT_REFUSED,
        DEPLOYMENT,
        "Calls that had no place: its queue was full, or it does not serve.",
    ),
    counter(
        DEPLOYMENT_ERRORS,
        DEPLOYMENT,
        "Calls that a replica answered with an error.",
    ),
    gauge(
        DEPLOYMENT_QUEUED,
        DEPLOYMENT,
        "Calls that wait for a place at a replica.",
    ),
    gauge(
        DEPLOYMENT_ONGOING,
        DEPLOYMENT,
        "Calls that have a place at a replica.",
    ),
    gauge(
        DEPLOYMENT_REPLICAS,
        &["application", "deployment", "state"],
        "Replicas by their state.",
    ),
    gauge(
        DEPLOYMENT_TARGET,
        DEPLOYMENT,
        "Replicas that are wanted, by the configuration or the autoscaler.",
    ),
    counter(DEPLOYMENT_STARTS, DEPLOYMENT, "Replicas that were started."),
    counter(
        DEPLOYMENT_HEALTH_FAILURES,
        DEPLOYMENT,
        "Health checks of replicas that failed, or were not answered in time.",
    ),
    histogram(
        DEPLOYMENT_LATENCY,
        DEPLOYMENT,
        "Time that a call had a place at a replica, until its answer was read.",
    ),
    gauge(
        REPLICAS,
        &["model_name", "state"],
        "Processes that compute a model, by their state.",
    ),
    counter(
        REPLICA_RESTARTS,
        MODEL,
        "Times that such a process ended and another was started.",
    ),
    counter(
        FAILOVERS,
        MODEL,
        "Generations that lost their process in the middle.",
    ),
    counter(
        QUARANTINED,
        MODEL,
        "Requests that were refused because processes ended under them.",
    ),
    counter(
        GRPC_REQUESTS,
        &["method", "code"],
        "gRPC calls ended, by method and code.",
    ),
    counter(
        BATCHES,
        &["status"],
        "Batches that ended, by the status that they ended with.",
    ),
    counter(
        BATCH_LINES,
        &["outcome"],
        "Lines of batches that got their outcome.",
    ),
    gauge(
        BATCH_LINES_IN_FLIGHT,
        &[],
        "Lines of batches that are being answered.",
    ),
    counter(
        BATCH_LINES_YIELDED,
        &[],
        "Lines of batches that gave up their slot to a request that waited, and are answered later.",
    ),
    histogram(
        GEN_AI_TTFT,
        GEN_AI,
        "OpenTelemetry's name for the time to the first token.",
    ),
    histogram(
        GEN_AI_TPOT,
        GEN_AI,
        "Mean time per token of an answer after its first.",
    ),
    histogram(
        GEN_AI_DURATION,
        GEN_AI,
        "OpenTelemetry's name for the end-to-end latency.",
    ),
    histogram(
        GEN_AI_TOKENS,
        &[
            "gen_ai_operation_name",
            "gen_ai_request_model",
            "gen_ai_token_type",
        ],
        "Tokens of a request, input and output apart.",
    ),
];

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    metric(name, Kind::Counter, labels, help)
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    metric(name, Kind::Gauge, labels, help)
}

const fn histogram(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    metric(name, Kind::Histogram, labels, help)
}

const fn metric(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric {
        name,
        kind,
        labels,
        help,
    }
}
