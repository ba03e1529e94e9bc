//! The recorder of one server, and the handles that no model owns.

use metrics::{Counter, Gauge, with_local_recorder};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use super::buckets::BUCKETS;
use super::deployments::Told;
use super::names::{ADMISSION_IN_USE, ADMISSION_QUEUED, ADMISSION_REFUSED};
use super::names::{Kind, METRICS, OPEN_STREAMS, UNKNOWN_FIELDS};

/// Counts of one server.
pub struct Telemetry {
    pub(super) recorder: PrometheusRecorder,
    pub(super) handle: PrometheusHandle,
    pub(super) admission: AdmissionHandles,
    /// Streams that are open now.
    pub(crate) open_streams: Gauge,
    unknown_fields: Counter,
    pub(super) deployments: Told,
}

/// What is set from the door at each scrape.
pub(super) struct AdmissionHandles {
    pub(super) in_use: Gauge,
    pub(super) queued: Gauge,
    pub(super) refused: Counter,
}

impl Telemetry {
    /// A recorder with every metric described and nothing counted.
    pub fn new() -> Self {
        let builder = BUCKETS
            .iter()
            .fold(PrometheusBuilder::new(), |builder, (name, bounds)| {
                let matcher = Matcher::Full((*name).to_owned());
                // Fails only for an empty list of bounds, and none is.
                builder
                    .set_buckets_for_metric(matcher, bounds)
                    .unwrap_or_default()
            });
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        let (admission, open_streams, unknown_fields) = with_local_recorder(&recorder, || {
            describe();
            let admission = AdmissionHandles {
                in_use: metrics::gauge!(ADMISSION_IN_USE),
                queued: metrics::gauge!(ADMISSION_QUEUED),
                refused: metrics::counter!(ADMISSION_REFUSED),
            };
            let open_streams = metrics::gauge!(OPEN_STREAMS);
            (admission, open_streams, metrics::counter!(UNKNOWN_FIELDS))
        });
        Self {
            recorder,
            handle,
            admission,
            open_streams,
            unknown_fields,
            deployments: Told::default(),
        }
    }

    /// A request had so many fields that no table knows.
    pub(crate) fn unknown_fields(&self, count: usize) {
        self.unknown_fields.increment(count as u64);
    }

    /// Folds what histograms have gathered; called now and then, or they grow.
    pub(crate) fn run_upkeep(&self) {
        self.handle.run_upkeep();
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telemetry").finish_non_exhaustive()
    }
}

fn describe() {
    for metric in METRICS {
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, metric.help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
            Kind::Histogram => metrics::describe_histogram!(metric.name, metric.help),
        }
    }
}
