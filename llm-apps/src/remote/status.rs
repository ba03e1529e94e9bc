//! What is said of replicas.

use serde::Serialize;

/// The replicas of a model at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReplicasStatus {
    /// Each of them.
    pub replicas: Vec<ReplicaStatus>,
    /// Times that an answer went on at another replica.
    pub failovers: u64,
    /// Requests that were refused because replicas ended under them.
    pub quarantined: u64,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplicaStatus {
    /// The model's name and its number.
    pub name: String,
    /// Where it stands.
    pub phase: ReplicaPhase,
    /// Its process, if it has one.
    pub pid: Option<u32>,
    /// Requests that it computes.
    pub ongoing_requests: usize,
    /// How often it was started again.
    pub restarts: u64,
    /// How its last process ended.
    pub last_exit: Option<String>,
}

/// Where a replica stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReplicaPhase {
    /// It opens the model.
    Starting,
    /// It takes requests.
    Running,
    /// It ended and will be started again.
    Waiting,
    /// The same, and it has ended so often that something is wrong.
    CrashLoop,
}

impl ReplicaPhase {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Starting,
        Self::Running,
        Self::Waiting,
        Self::CrashLoop,
    ];

    /// A stable name for metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Waiting => "WAITING",
            Self::CrashLoop => "CRASH_LOOP",
        }
    }
}
