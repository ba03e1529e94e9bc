//! What the server counts and measures, and how Prometheus reads it. `docs/metrics.md` lists the
//! names.
//!
//! Each server has its own recorder (A6), and handles are made once from it, so that counting is an
//! atomic addition. Gauges that belong to an engine or to the door are read from them when somebody
//! asks, so they are exact at that moment. No label takes its value from a client.

mod batches;
mod buckets;
mod deployments;
mod http;
mod meter;
mod model;
mod names;
mod recorder;
mod replicas;
mod scrape;
mod small_models;

pub(crate) use batches::BatchMetrics;
pub(crate) use meter::{Meter, Operation};
pub(crate) use model::{EngineGauges, ModelMetrics};
pub use names::{Kind, METRICS, Metric};
pub use recorder::Telemetry;
pub(crate) use small_models::{SmallMeter, SmallModelMetrics, SmallOperation};
