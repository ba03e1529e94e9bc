//! By which a planner sees and changes the number of a deployment's replicas.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::autoscaling::slo::StageLoad;
use super::autoscaling::{Bounds, Decision, Delays};
use super::config::Replicas;
use super::desired::Desired;
use super::dispatcher::Dispatcher;
use super::status::DeploymentStatus;

/// A deployment as a planner holds it, whatever goes in and comes out of it.
pub trait Planned: fmt::Debug + Send + Sync {
    /// How it is loaded at `now`, with its part of the time until an answer begins and ends as `part` says.
    fn load(&self, part: StreamPart, now: Instant) -> StageLoad;

    /// Has it have the replicas that the decision says, from now on.
    fn accept(&self, decision: Decision);
}

/// Where a deployment stands towards the answer that is read while it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamPart {
    /// The reader waits for all of it before anything is read.
    Before,
    /// It makes the answer that is read meanwhile.
    Streams,
    /// It works at the answer while that is read.
    Behind,
}

/// See the module.
pub(super) struct Reins<I: Send + 'static, O: Send + 'static> {
    pub(super) dispatcher: Arc<Dispatcher<I, O>>,
    pub(super) desired: Arc<Mutex<Desired<I, O>>>,
    pub(super) changed: Arc<Notify>,
    pub(super) status: watch::Receiver<DeploymentStatus>,
}

impl<I: Send + 'static, O: Send + 'static> Planned for Reins<I, O> {
    fn load(&self, part: StreamPart, now: Instant) -> StageLoad {
        let measured = self.dispatcher.meter().measured(now);
        let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (target, running) = {
            let status = self.status.borrow();
            (small(status.target_num_replicas), small(status.running()))
        };
        let desired = self.desired.lock();
        let config = &desired.config;
        let capacity = config.target_capacity;
        let (target, bounds, delays) = match &config.replicas {
            Replicas::Planned(planned) => (target, planned.bounds(capacity), planned.delays()),
            // Others are as many as they are.
            Replicas::Auto(_) => (target, fixed(target), Delays::NONE),
            Replicas::Fixed(count) => {
                let count = capacity.adjust(small(*count));
                (count, fixed(count), Delays::NONE)
            }
        };
        StageLoad {
            name: self.dispatcher.name().to_string(),
            arrival_rate: measured.arrival_rate,
            visits: 1.0,
            service: measured.service,
            until_first_token: match part {
                StreamPart::Before => measured.own,
                StreamPart::Streams => measured.first_text,
                StreamPart::Behind => None,
            },
            until_end: match part {
                StreamPart::Before | StreamPart::Streams => measured.own,
                StreamPart::Behind => None,
            },
            between_tokens: match part {
                StreamPart::Streams => measured.between_texts,
                StreamPart::Before | StreamPart::Behind => None,
            },
            running_replicas: running,
            target_replicas: target,
            max_ongoing_requests: small(config.max_ongoing_requests),
            bounds,
            delays,
        }
    }

    fn accept(&self, decision: Decision) {
        self.desired.lock().planned = Some(decision);
        self.changed.notify_one();
    }
}

impl<I: Send + 'static, O: Send + 'static> fmt::Debug for Reins<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reins")
            .field(self.dispatcher.name())
            .finish()
    }
}

fn fixed(count: u32) -> Bounds {
    Bounds {
        min: count,
        max: count,
    }
}
