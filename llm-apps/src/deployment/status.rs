//! What is said about a deployment while it runs, in Ray Serve's words.

use std::collections::BTreeMap;

use serde::Serialize;

/// Where a replica stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReplicaState {
    /// It is being made.
    Starting,
    /// It takes a new `user_config`.
    Updating,
    /// It takes requests.
    Running,
    /// It takes no new requests and finishes those it has.
    Stopping,
    /// It is gone.
    Stopped,
}

/// Where a deployment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeploymentState {
    /// Its replicas become those that its configuration asks for.
    Updating,
    /// They are.
    Healthy,
    /// Replicas failed while they ran, and are not replaced yet.
    Unhealthy,
    /// Replicas of this configuration cannot start. Those of an earlier one go on serving.
    DeployFailed,
    /// More replicas are wanted than run.
    Upscaling,
    /// More replicas run than are wanted.
    Downscaling,
}

/// Why it stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StatusTrigger {
    /// A configuration came.
    ConfigUpdateStarted,
    /// Its replicas run.
    ConfigUpdateCompleted,
    /// The replicas that were added run.
    UpscaleCompleted,
    /// The replicas that were too many are gone.
    DownscaleCompleted,
    /// The autoscaler changed their number.
    Autoscaling,
    /// A replica could not start.
    ReplicaStartupFailed,
    /// A replica stopped to answer.
    HealthCheckFailed,
    /// It is going away.
    Deleting,
}

/// A deployment at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeploymentStatus {
    /// Where it stands.
    pub status: DeploymentState,
    /// Why.
    pub status_trigger: StatusTrigger,
    /// What went wrong last, else empty.
    pub message: String,
    /// Replicas that are wanted.
    pub target_num_replicas: usize,
    /// Replicas by state; states that no replica is in are left out.
    pub replica_states: BTreeMap<ReplicaState, usize>,
    /// Requests at replicas.
    pub ongoing_requests: usize,
    /// Requests that wait.
    pub queued_requests: usize,
}

impl DeploymentStatus {
    /// Replicas that take requests.
    pub fn running(&self) -> usize {
        let running = self.replica_states.get(&ReplicaState::Running);
        running.copied().unwrap_or(0)
    }
}
