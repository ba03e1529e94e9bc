//! How many replicas a deployment should have, as pure functions.
//!
//! Two policies give a target. The first is Ray Serve's request count: the ongoing requests (running
//! and queued) of a [window of time](OngoingWindow), divided by what one replica should hold
//! ([`decide`]). The second is a [service level objective](slo): latencies of the whole application
//! that are foreseen by queueing theory, and one stage scaled at a time.
//!
//! ```text
//!  replicas, handles ──▶ OngoingWindow ──▶ Stats ──▶ decide(config, bounds, state, now) ──▶ Decision
//!  stages' measured times and rates ──────▶ slo::plan(slo, stages, state, now) ──▶ Plan ──▶ Decision
//! ```
//!
//! No clock, lock, thread or task is known here: time is a [`Duration`](std::time::Duration) since
//! the process's start, passed in, and what a policy remembers is a plain value that its owner keeps.
//! Field names, defaults and bounds are Ray Serve's (`AutoscalingConfig`, 2.60), so that a section
//! `autoscaling_config` means the same in both.

mod aggregation;
mod capacity;
mod config;
mod decide;
mod decision;
mod delay;
mod fault;
mod formula;
mod number;
mod series;
pub mod slo;
#[cfg(test)]
mod tests;
mod window;

pub use aggregation::Aggregation;
pub use capacity::{Bounds, TargetCapacity};
pub use config::{AutoscalingConfig, AutoscalingSettings, LookBackTooShort, MOST_REPLICAS};
pub use decide::{AutoscalingState, Stats, decide};
pub use decision::{Decision, PolicyName, RecentDecisions, ScalingStatus};
pub use delay::{Delays, Direction, Wish};
pub use fault::AutoscalingFault;
pub use window::{MOST_SOURCES, OngoingWindow, Source, TooManySources};
