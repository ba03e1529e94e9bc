//! What is counted of encoders and classifiers.

use std::fmt;
use std::sync::Arc;

use metrics::{Counter, Histogram, with_local_recorder};
use tokio::time::Instant;

use super::Telemetry;
use super::names::{
    E2E, FAILURE, GEN_AI_DURATION, GEN_AI_TOKENS, PROMPT_TOKENS, QUEUE_TIME, SUCCESS,
};

/// What a request asks of a small model; the first is OpenTelemetry's name, the others are the paths'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SmallOperation {
    /// `embeddings`
    Embeddings,
    /// `rerank`
    Rerank,
    /// `score`
    Score,
    /// `classify`
    Classify,
}

/// Handles of the metrics of one small model.
pub(crate) struct SmallModelMetrics {
    prompt_tokens: Counter,
    succeeded: Counter,
    aborted: Counter,
    failed: Counter,
    queue_time: Histogram,
    whole: Histogram,
    /// Durations and tokens, by operation.
    operations: [(Histogram, Histogram); 4],
}

/// Measures one request, and counts it exactly once however it ends; dropping it means that its client left.
pub(crate) struct SmallMeter {
    metrics: Arc<SmallModelMetrics>,
    operation: SmallOperation,
    arrived: Instant,
    counted: bool,
}

impl SmallOperation {
    const ALL: [Self; 4] = [Self::Embeddings, Self::Rerank, Self::Score, Self::Classify];

    fn name(self) -> &'static str {
        match self {
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
            Self::Score => "score",
            Self::Classify => "classify",
        }
    }
}

impl SmallMeter {
    /// Starts measuring a request that arrived at `arrived` and is admitted now.
    pub(crate) fn new(
        metrics: Arc<SmallModelMetrics>,
        operation: SmallOperation,
        arrived: Instant,
    ) -> Self {
        metrics.queue_time.record(arrived.elapsed());
        Self {
            metrics,
            operation,
            arrived,
            counted: false,
        }
    }

    /// It was answered after reading so many tokens.
    pub(crate) fn ended(mut self, tokens: u32) {
        self.counted = true;
        let whole = self.arrived.elapsed();
        let metrics = &self.metrics;
        metrics.whole.record(whole);
        metrics.prompt_tokens.increment(u64::from(tokens));
        metrics.succeeded.increment(1);
        let (duration, input) = &metrics.operations[self.operation as usize];
        duration.record(whole);
        input.record(f64::from(tokens));
    }

    /// It ends with an error.
    pub(crate) fn failed(mut self) {
        self.counted = true;
        self.metrics.failed.increment(1);
    }
}

impl Drop for SmallMeter {
    fn drop(&mut self) {
        if !self.counted {
            self.metrics.aborted.increment(1);
        }
    }
}

impl Telemetry {
    /// The metrics of the small model that clients know as `id`.
    pub(crate) fn small_model(&self, id: &str) -> SmallModelMetrics {
        with_local_recorder(&self.recorder, || {
            let counter = |name| metrics::counter!(name, "model_name" => id.to_owned());
            let histogram = |name| metrics::histogram!(name, "model_name" => id.to_owned());
            let ended = |name, label, value: &'static str| {
                let labels = [("model_name", id.to_owned()), (label, value.to_owned())];
                metrics::counter!(name, &labels)
            };
            let operation = |operation: SmallOperation| {
                let name = operation.name();
                let labels = [
                    ("gen_ai_operation_name", name.to_owned()),
                    ("gen_ai_request_model", id.to_owned()),
                ];
                let [operation, model] = labels.clone();
                let input = [operation, model, ("gen_ai_token_type", "input".to_owned())];
                (
                    metrics::histogram!(GEN_AI_DURATION, &labels),
                    metrics::histogram!(GEN_AI_TOKENS, &input),
                )
            };
            SmallModelMetrics {
                prompt_tokens: counter(PROMPT_TOKENS),
                succeeded: ended(SUCCESS, "finished_reason", "stop"),
                aborted: ended(FAILURE, "reason", "abort"),
                failed: ended(FAILURE, "reason", "error"),
                queue_time: histogram(QUEUE_TIME),
                whole: histogram(E2E),
                operations: SmallOperation::ALL.map(operation),
            }
        })
    }
}

impl fmt::Debug for SmallModelMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmallModelMetrics").finish_non_exhaustive()
    }
}
