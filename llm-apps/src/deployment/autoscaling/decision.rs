//! What was decided, when and why; and the last of it for `status`.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// The most decisions that are kept.
const MOST_RECENT: usize = 32;

/// A target and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// When, since the process's start.
    pub timestamp: Duration,
    /// The target before.
    pub prev_num_replicas: u32,
    /// The target from now on.
    pub curr_num_replicas: u32,
    /// Who decided.
    pub policy: PolicyName,
    /// Why, in words.
    pub reason: String,
}

/// Who decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyName {
    /// Ray's formula over ongoing requests: [`decide`](super::decide).
    RequestCount,
    /// The planner of a service level objective: [`slo::plan`](super::slo::plan).
    Slo,
}

/// Where a deployment is going, by Ray's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalingStatus {
    /// `UPSCALING`: fewer replicas run than the target says.
    Upscaling,
    /// `DOWNSCALING`: more replicas run than the target says.
    Downscaling,
    /// `STABLE`.
    Stable,
}

/// The last decisions that changed a target, from the oldest.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecentDecisions(VecDeque<Decision>);

impl Decision {
    /// Whether the target changed.
    pub fn changed(&self) -> bool {
        self.prev_num_replicas != self.curr_num_replicas
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl PolicyName {
    /// The name in `status` and logs.
    pub fn name(self) -> &'static str {
        match self {
            PolicyName::RequestCount => "request_count",
            PolicyName::Slo => "slo",
        }
    }
}

impl ScalingStatus {
    /// Where `running` replicas go if `target` is their target.
    pub fn of(running: u32, target: u32) -> ScalingStatus {
        match running.cmp(&target) {
            Ordering::Less => ScalingStatus::Upscaling,
            Ordering::Greater => ScalingStatus::Downscaling,
            Ordering::Equal => ScalingStatus::Stable,
        }
    }

    /// The name in `status`.
    pub fn name(self) -> &'static str {
        match self {
            ScalingStatus::Upscaling => "UPSCALING",
            ScalingStatus::Downscaling => "DOWNSCALING",
            ScalingStatus::Stable => "STABLE",
        }
    }
}

impl RecentDecisions {
    /// Keeps `decision` if it changed the target; the oldest makes place.
    pub fn keep(&mut self, decision: &Decision) {
        if !decision.changed() {
            return;
        }
        if self.0.len() == MOST_RECENT {
            self.0.pop_front();
        }
        self.0.push_back(decision.clone());
    }

    /// The decisions, from the oldest.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Decision> {
        self.0.iter()
    }
}
