//! `autoscaling_config`: Ray Serve's fields, proved.

use std::time::Duration;

use thiserror::Error;

use super::aggregation::Aggregation;
use super::capacity::{Bounds, TargetCapacity};
use super::delay::Delays;
use super::fault::AutoscalingFault;
use super::number::{delay, positive, positive_seconds};

/// The largest `max_replicas`.
pub const MOST_REPLICAS: u32 = 10_000;
/// The largest `target_ongoing_requests`: with it, an engine that queues by itself is never scaled.
const MOST_ONGOING: f64 = 1e9;
/// The largest gain.
const MOST_FACTOR: f64 = 1e6;
/// The shortest time without a report after which a source is dropped.
const LEAST_STALENESS: Duration = Duration::from_secs(10);

/// What the YAML says: Ray's names, units and defaults, not yet checked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AutoscalingSettings {
    /// The fewest replicas; 0 allows to scale to zero. Default 1.
    pub min_replicas: u32,
    /// Replicas at the first deployment. Default `min_replicas`.
    pub initial_replicas: Option<u32>,
    /// The most replicas. Default 1.
    pub max_replicas: u32,
    /// Requests, running and queued, that one replica should have. Default 2.
    pub target_ongoing_requests: f64,
    /// Seconds between two reports of a source at most: one that is silent for twice as long, and
    /// for 10 seconds at least, is dropped. Default 10.
    pub metrics_interval_s: f64,
    /// Seconds of the window of ongoing requests. Default 30.
    pub look_back_period_s: f64,
    /// Seconds for which more replicas must be wanted before they are started. Default 30.
    pub upscale_delay_s: f64,
    /// Seconds for which fewer replicas must be wanted before some are stopped. Default 600.
    pub downscale_delay_s: f64,
    /// The same for the step from 1 to 0. Default `downscale_delay_s`.
    pub downscale_to_zero_delay_s: Option<f64>,
    /// Gain on a change upwards: 2 starts twice what is missing. Default 1.
    pub upscaling_factor: Option<f64>,
    /// Gain on a change downwards: 0.5 stops half of what is too much. Default 1.
    pub downscaling_factor: Option<f64>,
    /// What is taken of the window. Default the mean.
    pub aggregation_function: Aggregation,
}

/// An `autoscaling_config` that fits together.
#[derive(Debug, Clone, PartialEq)]
pub struct AutoscalingConfig {
    bounds: Bounds,
    initial_replicas: u32,
    target_ongoing_requests: f64,
    metrics_interval: Duration,
    look_back_period: Duration,
    delays: Delays,
    upscaling_factor: f64,
    downscaling_factor: f64,
    aggregation_function: Aggregation,
}

/// The window is not longer than the time between two reports, so it may hold no more than one value
/// of a source. It works, so it is no fault; who reads the configuration should hear of it.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[error(
    "`look_back_period_s` is {look_back_s}, it should be above `metrics_interval_s`, which is \
     {metrics_interval_s}: a window holds no more than one report"
)]
pub struct LookBackTooShort {
    /// `look_back_period_s`.
    pub look_back_s: f64,
    /// `metrics_interval_s`.
    pub metrics_interval_s: f64,
}

impl AutoscalingSettings {
    /// The defaults of `num_replicas: auto`: from 1 to 100 replicas.
    pub fn auto() -> AutoscalingSettings {
        AutoscalingSettings {
            max_replicas: 100,
            ..AutoscalingSettings::default()
        }
    }
}

impl Default for AutoscalingSettings {
    fn default() -> AutoscalingSettings {
        AutoscalingSettings {
            min_replicas: 1,
            initial_replicas: None,
            max_replicas: 1,
            target_ongoing_requests: 2.0,
            metrics_interval_s: 10.0,
            look_back_period_s: 30.0,
            upscale_delay_s: 30.0,
            downscale_delay_s: 600.0,
            downscale_to_zero_delay_s: None,
            upscaling_factor: None,
            downscaling_factor: None,
            aggregation_function: Aggregation::Mean,
        }
    }
}

impl AutoscalingConfig {
    /// Proves `settings`.
    ///
    /// # Errors
    /// All faults at once, each naming its field.
    pub fn new(settings: &AutoscalingSettings) -> Result<AutoscalingConfig, Vec<AutoscalingFault>> {
        let s = settings;
        let mut faults = Vec::new();
        check_replicas(s, &mut faults);
        let f = &mut faults;
        let downscale = delay("downscale_delay_s", s.downscale_delay_s, f);
        let config = AutoscalingConfig {
            bounds: Bounds {
                min: s.min_replicas,
                max: s.max_replicas,
            },
            initial_replicas: s.initial_replicas.unwrap_or(s.min_replicas),
            target_ongoing_requests: positive(
                "target_ongoing_requests",
                s.target_ongoing_requests,
                MOST_ONGOING,
                f,
            ),
            metrics_interval: positive_seconds("metrics_interval_s", s.metrics_interval_s, f),
            look_back_period: positive_seconds("look_back_period_s", s.look_back_period_s, f),
            delays: Delays {
                upscale: delay("upscale_delay_s", s.upscale_delay_s, f),
                downscale,
                downscale_to_zero: s
                    .downscale_to_zero_delay_s
                    .map_or(downscale, |d| delay("downscale_to_zero_delay_s", d, f)),
            },
            upscaling_factor: factor("upscaling_factor", s.upscaling_factor, f),
            downscaling_factor: factor("downscaling_factor", s.downscaling_factor, f),
            aggregation_function: s.aggregation_function,
        };
        if faults.is_empty() {
            Ok(config)
        } else {
            Err(faults)
        }
    }

    /// What works but is hardly meant.
    pub fn warning(&self) -> Option<LookBackTooShort> {
        (self.look_back_period <= self.metrics_interval).then_some(LookBackTooShort {
            look_back_s: self.look_back_period.as_secs_f64(),
            metrics_interval_s: self.metrics_interval.as_secs_f64(),
        })
    }

    /// `min_replicas` and `max_replicas` at `capacity`.
    pub fn bounds(&self, capacity: TargetCapacity) -> Bounds {
        Bounds {
            min: capacity.adjust(self.bounds.min),
            max: capacity.adjust(self.bounds.max),
        }
    }

    /// Replicas at the first deployment, at `capacity`.
    pub fn initial_replicas(&self, capacity: TargetCapacity) -> u32 {
        capacity.adjust(self.initial_replicas)
    }

    /// Requests, running and queued, that one replica should have.
    pub fn target_ongoing_requests(&self) -> f64 {
        self.target_ongoing_requests
    }

    /// The time between two reports of a source at most.
    pub fn metrics_interval(&self) -> Duration {
        self.metrics_interval
    }

    /// The time without a report after which a source is dropped.
    pub fn stale_after(&self) -> Duration {
        (self.metrics_interval * 2).max(LEAST_STALENESS)
    }

    /// The length of the window.
    pub fn look_back_period(&self) -> Duration {
        self.look_back_period
    }

    /// How long a wish must last.
    pub fn delays(&self) -> Delays {
        self.delays
    }

    /// Gain on a change upwards.
    pub fn upscaling_factor(&self) -> f64 {
        self.upscaling_factor
    }

    /// Gain on a change downwards.
    pub fn downscaling_factor(&self) -> f64 {
        self.downscaling_factor
    }

    /// What is taken of the window.
    pub fn aggregation_function(&self) -> Aggregation {
        self.aggregation_function
    }
}

fn factor(field: &'static str, value: Option<f64>, faults: &mut Vec<AutoscalingFault>) -> f64 {
    value.map_or(1.0, |v| positive(field, v, MOST_FACTOR, faults))
}

fn check_replicas(s: &AutoscalingSettings, faults: &mut Vec<AutoscalingFault>) {
    let (min, max) = (s.min_replicas, s.max_replicas);
    for (field, value) in [
        ("min_replicas", min),
        ("initial_replicas", s.initial_replicas.unwrap_or(0)),
        ("max_replicas", max),
    ] {
        if value > MOST_REPLICAS {
            faults.push(AutoscalingFault::TooManyReplicas {
                field,
                value,
                most: MOST_REPLICAS,
            });
        }
    }
    if max == 0 {
        faults.push(AutoscalingFault::NoReplicas);
    } else if max < min {
        faults.push(AutoscalingFault::MaxBelowMin { min, max });
    } else if let Some(initial) = s.initial_replicas
        && !(min..=max).contains(&initial)
    {
        faults.push(AutoscalingFault::InitialOutside { initial, min, max });
    }
}
