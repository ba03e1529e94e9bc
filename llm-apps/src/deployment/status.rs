//! What is said about a deployment while it runs, in Ray Serve's words.

use std::collections::BTreeMap;

use serde::Serialize;

use super::autoscaling::Decision;

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
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeploymentStatus {
    /// Where it stands.
    pub status: DeploymentState,
    /// Why.
    pub status_trigger: StatusTrigger,
    /// What went wrong last, else empty.
    pub message: String,
    /// Whether replicas wait for what the machine has not free.
    #[serde(skip)]
    pub waits_for_room: bool,
    /// Replicas that are wanted.
    pub target_num_replicas: usize,
    /// Replicas by state; states that no replica is in are left out.
    pub replica_states: BTreeMap<ReplicaState, usize>,
    /// Requests at replicas.
    pub ongoing_requests: usize,
    /// Requests that wait.
    pub queued_requests: usize,
    /// The autoscaler's last decisions, from the oldest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<ScalingDecision>,
}

/// A decision of the autoscaler, as `status` shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScalingDecision {
    /// Seconds since the deployment began.
    pub timestamp_s: f64,
    /// Replicas wanted before.
    pub prev_num_replicas: u32,
    /// Replicas wanted from then on.
    pub curr_num_replicas: u32,
    /// Who decided.
    pub policy: &'static str,
    /// Why.
    pub reason: String,
}

impl ScalingDecision {
    pub(super) fn of(decision: &Decision) -> Self {
        Self {
            timestamp_s: decision.timestamp.as_secs_f64(),
            prev_num_replicas: decision.prev_num_replicas,
            curr_num_replicas: decision.curr_num_replicas,
            policy: decision.policy.name(),
            reason: decision.reason.clone(),
        }
    }
}

impl DeploymentStatus {
    /// Replicas that take requests.
    pub fn running(&self) -> usize {
        let running = self.replica_states.get(&ReplicaState::Running);
        running.copied().unwrap_or(0)
    }
}
