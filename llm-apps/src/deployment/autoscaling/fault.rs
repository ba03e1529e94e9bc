//! What is wrong with a number that a configuration gives.

use thiserror::Error;

/// A fault of `autoscaling_config`, `target_capacity` or `slo`; [`AutoscalingFault::field`] says of
/// which field.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum AutoscalingFault {
    /// A number of replicas that no machine has.
    #[error("`{field}` is {value}, at most {most} replicas are possible")]
    TooManyReplicas {
        /// The field.
        field: &'static str,
        /// What it says.
        value: u32,
        /// The largest number.
        most: u32,
    },
    /// `max_replicas: 0`.
    #[error("`max_replicas` is 0, at least 1 is needed")]
    NoReplicas,
    /// The bounds cross.
    #[error("`max_replicas` is {max}, it must not be below `min_replicas`, which is {min}")]
    MaxBelowMin {
        /// `min_replicas`.
        min: u32,
        /// `max_replicas`.
        max: u32,
    },
    /// The first number of replicas is not within the bounds.
    #[error(
        "`initial_replicas` is {initial}, it must lie from `min_replicas` to `max_replicas`, \
         which is {min} to {max}"
    )]
    InitialOutside {
        /// `initial_replicas`.
        initial: u32,
        /// `min_replicas`.
        min: u32,
        /// `max_replicas`.
        max: u32,
    },
    /// A number that must be positive is not, or is beyond all sense.
    #[error("`{field}` is {value}, it must be above 0 and at most {most}")]
    NotPositive {
        /// The field.
        field: &'static str,
        /// What it says.
        value: f64,
        /// The largest number.
        most: f64,
    },
    /// A number is outside of its range.
    #[error("`{field}` is {value}, it must be from 0 to {most}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// What it says.
        value: f64,
        /// The largest number.
        most: f64,
    },
    /// A name that is no aggregation.
    #[error("`aggregation_function` is `{value}`, it must be `mean`, `max` or `min`")]
    UnknownAggregation {
        /// What it says.
        value: String,
    },
    /// `slo` without an objective.
    #[error("`slo` names no objective, give `ttft_p95`, `itl_p95` or `total_p95`")]
    NoObjective,
}

impl AutoscalingFault {
    /// The field that is at fault, by its name in the YAML.
    pub fn field(&self) -> &'static str {
        match self {
            AutoscalingFault::TooManyReplicas { field, .. }
            | AutoscalingFault::NotPositive { field, .. }
            | AutoscalingFault::OutOfRange { field, .. } => field,
            AutoscalingFault::NoReplicas | AutoscalingFault::MaxBelowMin { .. } => "max_replicas",
            AutoscalingFault::InitialOutside { .. } => "initial_replicas",
            AutoscalingFault::UnknownAggregation { .. } => "aggregation_function",
            AutoscalingFault::NoObjective => "slo",
        }
    }
}
