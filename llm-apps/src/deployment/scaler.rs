//! How many replicas a deployment should have now: as many as it says, or as its load asks for.

use std::time::Duration;

use super::autoscaling::{
    AutoscalingConfig, AutoscalingState, Decision, OngoingWindow, Source, TargetCapacity, decide,
};
use super::config::Replicas;
use super::dispatcher::Load;

/// Keeps what the autoscaler remembers between two looks.
#[derive(Debug)]
pub(super) struct Scaler {
    capacity: TargetCapacity,
    wanted: Wanted,
}

#[derive(Debug)]
enum Wanted {
    Fixed(u32),
    Auto {
        config: Box<AutoscalingConfig>,
        state: AutoscalingState,
        window: OngoingWindow,
    },
    /// What was decided elsewhere and is new goes out with the next target.
    Planned {
        state: AutoscalingState,
        fresh: Option<Decision>,
    },
}

/// The deployment's own count of its requests, waiting and running: one source that sees them all.
const ALL: Source = Source::Handle(0);

impl Scaler {
    pub(super) fn new(replicas: &Replicas, capacity: TargetCapacity) -> Self {
        Self {
            capacity,
            wanted: Wanted::new(replicas, capacity),
        }
    }

    /// Takes another configuration. An autoscaler that goes on being one keeps its target and what it
    /// has seen.
    pub(super) fn adopt(&mut self, replicas: &Replicas, capacity: TargetCapacity) {
        self.capacity = capacity;
        match (&mut self.wanted, replicas) {
            (Wanted::Auto { config, window, .. }, Replicas::Auto(new)) => {
                window.reconfigure(new);
                **config = new.clone();
            }
            // Its planner heeds the new bounds.
            (Wanted::Planned { .. }, Replicas::Planned(_)) => {}
            // From the one to the other the number stays, until there is a reason.
            (Wanted::Auto { state, .. }, Replicas::Planned(_)) => {
                self.wanted = Wanted::Planned {
                    state: state.clone(),
                    fresh: None,
                };
            }
            (Wanted::Planned { state: known, .. }, Replicas::Auto(_)) => {
                let known = known.clone();
                self.wanted = Wanted::new(replicas, capacity);
                if let Wanted::Auto { state, .. } = &mut self.wanted {
                    *state = known;
                }
            }
            (wanted, replicas) => *wanted = Wanted::new(replicas, capacity),
        }
    }

    /// Takes over what the planner of the application's objectives decided.
    pub(super) fn accept(&mut self, decision: Decision, now: Duration) {
        if let Wanted::Planned { state, fresh } = &mut self.wanted {
            let decision = Decision {
                timestamp: now,
                ..decision
            };
            state.accept(&decision);
            *fresh = Some(decision);
        }
    }

    /// The replicas that should be at `now`, where `running` take requests.
    pub(super) fn target(&mut self, load: &Load, running: usize, now: Duration) -> Target {
        match &mut self.wanted {
            Wanted::Fixed(count) => Target {
                replicas: self.capacity.adjust(*count) as usize,
                decision: None,
            },
            Wanted::Planned { state, fresh } => Target {
                replicas: state.target() as usize,
                decision: fresh.take(),
            },
            Wanted::Auto {
                config,
                state,
                window,
            } => {
                let ongoing = load.queued + load.ongoing.iter().map(|(_, n)| n).sum::<usize>();
                let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
                // The only source is never one too many.
                if let Err(error) = window.record(ALL, now, count(ongoing)) {
                    tracing::error!(%error, "a deployment's load is not counted");
                }
                let stats = window.stats(count(running), now);
                let bounds = config.bounds(self.capacity);
                let decision = decide(config, bounds, state, &stats, now);
                Target {
                    replicas: state.target() as usize,
                    decision: decision.changed().then_some(decision),
                }
            }
        }
    }
}

/// What should be, and why if that is new.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) replicas: usize,
    pub(super) decision: Option<Decision>,
}

impl Wanted {
    fn new(replicas: &Replicas, capacity: TargetCapacity) -> Self {
        match replicas {
            Replicas::Fixed(count) => Self::Fixed(u32::try_from(*count).unwrap_or(u32::MAX)),
            Replicas::Auto(config) => Self::Auto {
                state: AutoscalingState::new(config.initial_replicas(capacity)),
                window: OngoingWindow::new(config),
                config: Box::new(config.clone()),
            },
            Replicas::Planned(config) => Self::Planned {
                state: AutoscalingState::new(config.initial_replicas(capacity)),
                fresh: None,
            },
        }
    }
}
