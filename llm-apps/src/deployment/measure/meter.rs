//! The counts and times of one deployment.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::Histogram;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::rate::Rate;
use super::times::Times;
use crate::deployment::autoscaling::slo::ServiceTimes;

/// Counts since the deployment began; they only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeploymentCounts {
    /// Calls that came, refused ones among them.
    pub requests: u64,
    /// Calls that had no place: the queue was full, or the deployment does not serve.
    pub refused: u64,
    /// Calls that a replica answered with an error.
    pub errors: u64,
    /// Replicas that were started.
    pub replica_starts: u64,
    /// Questions for a replica's health that were answered badly, or not in time.
    pub health_check_failures: u64,
}

/// See the module.
pub(in crate::deployment) struct Meter {
    requests: AtomicU64,
    refused: AtomicU64,
    errors: AtomicU64,
    starts: AtomicU64,
    health_failures: AtomicU64,
    arrivals: Rate,
    taken: Mutex<Taken>,
    /// Where each request's time at its replica goes.
    latency: Histogram,
}

#[derive(Default)]
struct Taken {
    service: Times,
    own: Times,
    first_text: Times,
    between_texts: Times,
}

/// One request's stay at a replica, when it is over.
#[derive(Debug, Clone, Copy)]
pub(in crate::deployment) struct Passage {
    /// How long it had a place.
    pub(in crate::deployment) held: Duration,
    /// How much of that it waited for deployments that the stage called.
    pub(in crate::deployment) nested: Duration,
    /// Whether it was answered.
    pub(in crate::deployment) answered: bool,
}

/// What was measured lately.
#[derive(Debug, Clone, Copy)]
pub(in crate::deployment) struct Measured {
    /// Calls a second.
    pub(in crate::deployment) arrival_rate: f64,
    /// How long a request had a place.
    pub(in crate::deployment) service: Option<ServiceTimes>,
    /// The same without the deployments that the stage called.
    pub(in crate::deployment) own: Option<ServiceTimes>,
    /// From having a place to the first piece of a streamed answer.
    pub(in crate::deployment) first_text: Option<ServiceTimes>,
    /// From one piece to the next.
    pub(in crate::deployment) between_texts: Option<ServiceTimes>,
}

impl Meter {
    pub(in crate::deployment) fn new(latency: Histogram) -> Self {
        Self {
            requests: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            starts: AtomicU64::new(0),
            health_failures: AtomicU64::new(0),
            arrivals: Rate::new(),
            taken: Mutex::default(),
            latency,
        }
    }

    pub(in crate::deployment) fn came(&self, now: Instant) {
        count(&self.requests);
        self.arrivals.note(now);
    }

    pub(in crate::deployment) fn refused(&self) {
        count(&self.refused);
    }

    pub(in crate::deployment) fn failed(&self) {
        count(&self.errors);
    }

    pub(in crate::deployment) fn started(&self) {
        count(&self.starts);
    }

    pub(in crate::deployment) fn health_check_failed(&self) {
        count(&self.health_failures);
    }

    /// A request leaves its place.
    pub(in crate::deployment) fn passed(&self, now: Instant, passage: Passage) {
        self.latency.record(passage.held);
        if passage.answered {
            let own = passage.held.saturating_sub(passage.nested);
            let mut taken = self.taken.lock();
            taken.service.note(now, passage.held);
            taken.own.note(now, own);
        }
    }

    /// The first piece of an answer came so long after its request had a place.
    pub(in crate::deployment) fn first_text(&self, now: Instant, after: Duration) {
        self.taken.lock().first_text.note(now, after);
    }

    /// A piece of an answer came so long after the one before.
    pub(in crate::deployment) fn next_text(&self, now: Instant, after: Duration) {
        self.taken.lock().between_texts.note(now, after);
    }

    pub(in crate::deployment) fn counts(&self) -> DeploymentCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        DeploymentCounts {
            requests: read(&self.requests),
            refused: read(&self.refused),
            errors: read(&self.errors),
            replica_starts: read(&self.starts),
            health_check_failures: read(&self.health_failures),
        }
    }

    pub(in crate::deployment) fn measured(&self, now: Instant) -> Measured {
        let taken = self.taken.lock();
        Measured {
            arrival_rate: self.arrivals.per_second(now),
            service: taken.service.summary(now),
            own: taken.own.summary(now),
            first_text: taken.first_text.summary(now),
            between_texts: taken.between_texts.summary(now),
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts();
        f.debug_struct("Meter")
            .field("counts", &counts)
            .finish_non_exhaustive()
    }
}
