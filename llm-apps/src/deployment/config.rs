//! What is said of a deployment, in Ray Serve's words.

use std::time::Duration;

use serde_json::Value;

use super::autoscaling::{AutoscalingConfig, TargetCapacity};
use super::machine::Resources;
use super::router::RouterConfig;

/// How many replicas, how full, how healthy, how they go. [`DeploymentConfig::default`] has the
/// defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentConfig {
    /// How many replicas. Default: one.
    pub replicas: Replicas,
    /// A share of these numbers, for all deployments alike. Default: all.
    pub target_capacity: TargetCapacity,
    /// Requests at one replica at the same time. Default: 5.
    pub max_ongoing_requests: usize,
    /// Requests that wait for a place; one more is refused. 0 refuses at once. Default: 256. (Ray
    /// Serve's default is no limit; here every queue has one.)
    pub max_queued_requests: usize,
    /// Which replica a request goes to. Default: the power of two choices.
    pub router: RouterConfig,
    /// What each replica reserves of the machine. Default: nothing.
    pub resources: Resources,
    /// Time between two questions for a replica's health. Default: 10 s.
    pub health_check_period: Duration,
    /// Time that a replica has to answer such a question. Default: 30 s.
    pub health_check_timeout: Duration,
    /// Time that a stopping replica's requests have to finish; what is left then is dropped.
    /// Default: 20 s.
    pub graceful_shutdown_timeout: Duration,
    /// What the stage is configured with, in place, whenever it changes. Default: nothing.
    pub user_config: Option<Value>,
    /// Share of the replicas that a rollout replaces at a time, above 0 to 1; at least one replica.
    /// Default: 0.2.
    pub rolling_update_percentage: f64,
    /// Replicas beyond their number that a rollout may have at a time, in percent; above 0, at least
    /// one. 0 stops an old replica before its successor starts, which needs no room. Default: 20.
    /// (Ray Serve's is 0, which leaves a single replica's clients waiting while its successor
    /// starts, and nobody serving when that fails.)
    pub max_surge_percent: f64,
    /// Starts that may fail in a row before a deployment gives up, whatever its size; three for each
    /// replica else. Default: 20.
    pub max_constructor_retry_count: usize,
}

/// How many replicas a deployment has.
#[derive(Debug, Clone, PartialEq)]
pub enum Replicas {
    /// So many.
    Fixed(usize),
    /// As many as its load asks for.
    Auto(AutoscalingConfig),
    /// As many as the planner of its application's objectives says, within these bounds and delays.
    Planned(AutoscalingConfig),
}

impl Default for DeploymentConfig {
    fn default() -> Self {
        Self {
            replicas: Replicas::default(),
            target_capacity: TargetCapacity::default(),
            max_ongoing_requests: 5,
            max_queued_requests: 256,
            router: RouterConfig::default(),
            resources: Resources::default(),
            health_check_period: Duration::from_secs(10),
            health_check_timeout: Duration::from_secs(30),
            graceful_shutdown_timeout: Duration::from_secs(20),
            user_config: None,
            rolling_update_percentage: 0.2,
            max_surge_percent: 20.0,
            max_constructor_retry_count: 20,
        }
    }
}

impl Default for Replicas {
    fn default() -> Self {
        Self::Fixed(1)
    }
}
