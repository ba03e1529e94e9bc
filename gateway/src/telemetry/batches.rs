//! What is counted of batches.

use std::fmt;

use metrics::{Counter, Gauge, with_local_recorder};

use super::Telemetry;
use super::names::{BATCH_LINES, BATCH_LINES_IN_FLIGHT, BATCH_LINES_YIELDED, BATCHES};
use crate::store::Outcome;

/// Handles of the metrics of batches.
pub(crate) struct BatchMetrics {
    /// Lines that are being answered.
    pub(crate) in_flight: Gauge,
    /// Lines that gave up their slot to a request.
    pub(crate) yielded: Counter,
    completed: Counter,
    failed: Counter,
    ended: [(&'static str, Counter); 4],
}

impl Telemetry {
    /// The handles.
    pub(crate) fn batches(&self) -> BatchMetrics {
        with_local_recorder(&self.recorder, || {
            let ended = |status| (status, metrics::counter!(BATCHES, "status" => status));
            BatchMetrics {
                in_flight: metrics::gauge!(BATCH_LINES_IN_FLIGHT),
                yielded: metrics::counter!(BATCH_LINES_YIELDED),
                completed: metrics::counter!(BATCH_LINES, "outcome" => "completed"),
                failed: metrics::counter!(BATCH_LINES, "outcome" => "failed"),
                ended: ["completed", "failed", "expired", "cancelled"].map(ended),
            }
        })
    }
}

impl BatchMetrics {
    /// These lines got their outcomes.
    pub(crate) fn lines(&self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            let count = if outcome.ok {
                &self.completed
            } else {
                &self.failed
            };
            count.increment(1);
        }
    }

    /// A batch ended as `status` says.
    pub(crate) fn ended(&self, status: &str) {
        if let Some((_, count)) = self.ended.iter().find(|(name, _)| *name == status) {
            count.increment(1);
        }
    }
}

impl fmt::Debug for BatchMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchMetrics").finish_non_exhaustive()
    }
}
