//! One tick of a deployment's autoscaler.

use std::time::Duration;

use super::capacity::Bounds;
use super::config::AutoscalingConfig;
use super::decision::{Decision, PolicyName, RecentDecisions};
use super::delay::{Outcome, Wish, wait};
use super::formula::{Wanted, wanted};

/// What a tick looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stats {
    /// Replicas that can take requests now.
    pub running_replicas: u32,
    /// Ongoing requests, running and queued: [`OngoingWindow::total`](super::OngoingWindow::total).
    pub total_requests: f64,
    /// Ongoing requests at this instant, for which a cold start does not wait until they weigh in the
    /// window: [`OngoingWindow::latest`](super::OngoingWindow::latest).
    pub current_requests: f64,
}

/// What the autoscaler of one deployment remembers between two ticks.
#[derive(Debug, Clone, PartialEq)]
pub struct AutoscalingState {
    target: u32,
    wish: Option<Wish>,
    recent: RecentDecisions,
}

impl AutoscalingState {
    /// A deployment that begins with `target` replicas.
    pub fn new(target: u32) -> AutoscalingState {
        AutoscalingState {
            target,
            wish: None,
            recent: RecentDecisions::default(),
        }
    }

    /// The replicas that should run.
    pub fn target(&self) -> u32 {
        self.target
    }

    /// The wish that waits for its delay.
    pub fn wish(&self) -> Option<Wish> {
        self.wish
    }

    /// The last decisions that changed the target.
    pub fn recent(&self) -> &RecentDecisions {
        &self.recent
    }

    /// Takes over a decision that was made elsewhere: by the planner of an objective, or by a person.
    /// A wish that waited begins anew.
    pub fn accept(&mut self, decision: &Decision) {
        self.target = decision.curr_num_replicas;
        self.wish = None;
        self.recent.keep(decision);
    }
}

/// Decides the target at `now`. Meant to be called each 0.1 seconds; a longer interval delays
/// decisions by as much and changes nothing else. The target is always within `bounds`, which are
/// [`AutoscalingConfig::bounds`] at the current `target_capacity`.
pub fn decide(
    config: &AutoscalingConfig,
    bounds: Bounds,
    state: &mut AutoscalingState,
    stats: &Stats,
    now: Duration,
) -> Decision {
    let prev = state.target;
    let (total, current) = (load(stats.total_requests), load(stats.current_requests));
    let (free, why) = match wanted(config, total, current, stats.running_replicas, prev) {
        Wanted::ColdStart(replicas) => {
            state.wish = None;
            let why = format!("cold start: {current:.1} requests wait and no replica runs");
            (replicas, why)
        }
        Wanted::Idle => {
            state.wish = None;
            (prev, "no request, and no replica runs".to_owned())
        }
        Wanted::Replicas(desired) => {
            let outcome = wait(&mut state.wish, desired, prev, &config.delays(), now);
            let load = Load {
                config,
                total,
                desired,
            };
            load.explain(outcome, prev)
        }
    };
    let curr = bounds.clamp(free);
    let decision = Decision {
        timestamp: now,
        prev_num_replicas: prev,
        curr_num_replicas: curr,
        policy: PolicyName::RequestCount,
        reason: reason(why, free, prev, curr, bounds),
    };
    state.target = curr;
    state.recent.keep(&decision);
    decision
}

/// A measured load, if that is a sensible number.
fn load(requests: f64) -> f64 {
    if requests.is_finite() {
        requests.max(0.0)
    } else {
        0.0
    }
}

/// What the words of a reason are made of.
struct Load<'a> {
    config: &'a AutoscalingConfig,
    total: f64,
    desired: u32,
}

impl Load<'_> {
    /// The target before bounds, and why.
    fn explain(&self, outcome: Outcome, prev: u32) -> (u32, String) {
        let Load {
            config,
            total,
            desired,
        } = self;
        let load = format!(
            "{total:.1} ongoing requests ({} of {:.0} s) want {desired} replicas of {} each",
            config.aggregation_function(),
            config.look_back_period().as_secs_f64(),
            config.target_ongoing_requests(),
        );
        match outcome {
            Outcome::Content => (prev, load),
            Outcome::Waiting {
                lasted,
                delay,
                field,
            } => {
                let (lasted, delay) = (lasted.as_secs_f64(), delay.as_secs_f64());
                let why = format!("{load}, for {lasted:.1} s of the {delay:.1} s of {field}");
                (prev, why)
            }
            Outcome::Granted { replicas, lasted } => {
                let why = format!("{load}, for {:.1} s", lasted.as_secs_f64());
                (replicas, why)
            }
        }
    }
}

/// The whole sentence: why, what the bounds did, and the change.
fn reason(why: String, free: u32, prev: u32, curr: u32, bounds: Bounds) -> String {
    let mut reason = why;
    if curr != free {
        reason += &format!("; bounds are {} to {}", bounds.min, bounds.max);
    }
    reason += &if curr == prev {
        format!("; stays at {curr} replicas")
    } else {
        format!("; {prev} -> {curr} replicas")
    };
    reason
}
