//! The planner: what theory says, what single plans say, and what comes of them over time.

mod plans;
mod properties;
mod theory;
mod timeline;
mod world;

use std::time::Duration;

use crate::deployment::autoscaling::{Bounds, Delays};

use super::{ServiceTimes, StageLoad};

/// A measured time, in milliseconds.
pub(super) fn times(mean: u64, p95: u64) -> ServiceTimes {
    ServiceTimes {
        mean: Duration::from_millis(mean),
        p95: Duration::from_millis(p95),
    }
}

/// A stage before the first token: `replicas` of one place each, 1 to 8 allowed, 10 s before more,
/// 60 s before fewer.
pub(super) fn stage(name: &str, rate: f64, service: ServiceTimes, replicas: u32) -> StageLoad {
    StageLoad {
        name: name.to_owned(),
        arrival_rate: rate,
        visits: 1.0,
        service: Some(service),
        until_first_token: Some(service),
        until_end: Some(service),
        between_tokens: None,
        running_replicas: replicas,
        target_replicas: replicas,
        max_ongoing_requests: 1,
        bounds: Bounds { min: 1, max: 8 },
        delays: Delays {
            upscale: Duration::from_secs(10),
            downscale: Duration::from_secs(60),
            downscale_to_zero: Duration::from_secs(120),
        },
    }
}

/// Seconds since the start.
pub(super) fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
