//! Whether a replica lives, told by what it says of itself.

use std::time::Duration;

use engine::EngineStats;
use tokio::time::Instant;

use super::config::ReplicasConfig;

/// What was heard of a replica.
#[derive(Debug)]
pub(super) struct Pulse {
    heartbeat_timeout: Duration,
    stall_timeout: Duration,
    /// Looks since something was heard.
    silent_looks: u32,
    steps: u64,
    /// When the engine last computed a step, or had nothing to compute.
    moved: Instant,
}

/// Looks in one `heartbeat_timeout`. Only so many in a row without a word mean that the replica is
/// frozen: a server that was itself stopped for a while has not listened.
const LOOKS: u32 = 4;

/// Why a replica is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dead {
    /// It says nothing.
    Frozen(Duration),
    /// It computes nothing.
    Stuck(Duration),
}

impl Pulse {
    pub(super) fn new(config: &ReplicasConfig, now: Instant) -> Self {
        Self {
            heartbeat_timeout: config.heartbeat_timeout,
            stall_timeout: config.stall_timeout,
            silent_looks: 0,
            steps: 0,
            moved: now,
        }
    }

    /// How long to listen for a word before the next look.
    pub(super) fn listen(&self) -> Duration {
        self.heartbeat_timeout / LOOKS
    }

    /// It says how it does.
    pub(super) fn hears(&mut self, stats: &EngineStats, now: Instant) -> Option<Dead> {
        self.silent_looks = 0;
        let moves = stats.counters.steps != self.steps || stats.held_requests == 0;
        if moves {
            self.steps = stats.counters.steps;
            self.moved = now;
        }
        let stuck = now.duration_since(self.moved) >= self.stall_timeout;
        stuck.then_some(Dead::Stuck(self.stall_timeout))
    }

    /// Nothing was heard while it was listened.
    pub(super) fn hears_nothing(&mut self) -> Option<Dead> {
        self.silent_looks += 1;
        (self.silent_looks >= LOOKS).then_some(Dead::Frozen(self.heartbeat_timeout))
    }
}

impl std::fmt::Display for Dead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Frozen(time) => write!(
                f,
                "gave no sign of life for {} s and was killed",
                time.as_secs_f64()
            ),
            Self::Stuck(time) => write!(
                f,
                "held requests, computed no step for {} s and was killed",
                time.as_secs_f64()
            ),
        }
    }
}
