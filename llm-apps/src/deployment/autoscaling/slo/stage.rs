//! What the planner is told about a stage.

use crate::deployment::autoscaling::capacity::Bounds;
use crate::deployment::autoscaling::delay::Delays;

use super::moments::{Moments, ServiceTimes};
use super::queueing::{self, wait};

/// One stage of the application, as measured and as configured.
#[derive(Debug, Clone, PartialEq)]
pub struct StageLoad {
    /// The deployment's name.
    pub name: String,
    /// Requests that come to this stage, in one second. All that come, not only those that were
    /// served.
    pub arrival_rate: f64,
    /// How often a request of the application passes here in the mean: 1 in a plain sequence, less
    /// behind a branch, more in a loop.
    pub visits: f64,
    /// How long a request occupies a place of a replica, without waiting for it. None if no request
    /// was served yet.
    pub service: Option<ServiceTimes>,
    /// The part of it that a reader waits for until the first token: for a stage before the one that
    /// streams the whole of it, for that one until its first token, and none for a stage behind.
    pub until_first_token: Option<ServiceTimes>,
    /// The part of it that a reader waits for until the end of the answer: the whole of it, without what
    /// other deployments took that the stage called; none for a stage that works at an answer while that is
    /// read.
    pub until_end: Option<ServiceTimes>,
    /// From token to token, at a stage that streams.
    pub between_tokens: Option<ServiceTimes>,
    /// Replicas that run, with which the above was measured.
    pub running_replicas: u32,
    /// The target, which the planner changes.
    pub target_replicas: u32,
    /// Places of one replica.
    pub max_ongoing_requests: u32,
    /// Between what the target stays, at the current `target_capacity`.
    pub bounds: Bounds,
    /// How long to wait before a change.
    pub delays: Delays,
}

impl StageLoad {
    /// Requests a second, if that is a sensible number.
    pub(super) fn rate(&self) -> f64 {
        finite(self.arrival_rate)
    }

    /// Visits a request, if that is a sensible number.
    pub(super) fn visits(&self) -> f64 {
        finite(self.visits)
    }

    /// Whether requests come and it is not known how long they take.
    pub(super) fn unmeasured(&self) -> bool {
        self.service.is_none() && self.rate() > 0.0
    }

    /// How long a request occupies a place.
    pub(super) fn service(&self) -> Moments {
        self.service.map(Moments::from).unwrap_or_default()
    }

    /// How long one passage waits if there are `replicas`.
    pub(super) fn wait(&self, replicas: u32) -> Moments {
        wait(self.rate(), self.service(), self.places(replicas))
    }

    /// The share of the places of `replicas` that is in use.
    pub(super) fn load(&self, replicas: u32) -> f64 {
        queueing::load(self.rate(), self.service(), self.places(replicas))
    }

    /// Streams that a replica serves at once in the mean, of `replicas`; at least 1, as only who
    /// streams has a latency between tokens.
    pub(super) fn streams(&self, replicas: u32) -> f64 {
        let most = f64::from(self.max_ongoing_requests);
        let all = self.rate() * self.service().mean;
        (all / f64::from(replicas.max(1))).min(most).max(1.0)
    }

    fn places(&self, replicas: u32) -> u32 {
        replicas.saturating_mul(self.max_ongoing_requests)
    }
}

fn finite(value: f64) -> f64 {
    if value.is_finite() {
        value.max(0.0)
    } else {
        0.0
    }
}
