//! What the autoscaler promises, on a virtual clock: time is a number here.

mod capacity;
mod config;
mod delays;
mod formula;
mod properties;
mod window;

use std::time::Duration;

use super::{AutoscalingConfig, AutoscalingSettings};

/// A configuration that fits together.
pub(super) fn config(settings: &AutoscalingSettings) -> AutoscalingConfig {
    AutoscalingConfig::new(settings).unwrap()
}

/// Seconds since the start.
pub(super) fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Whether two numbers are the same but for the arithmetic's last digits.
pub(super) fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}
