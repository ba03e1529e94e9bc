//! `slo`: replicas by latency objectives of a whole application.
//!
//! Each stage is a queue before `replicas * max_ongoing_requests` places. From its measured service
//! times and arrival rate, queueing theory foresees how long a request waits ([`queueing`]); waits
//! and services of all stages sum to the latency that an objective bounds ([`forecast`]). Where an
//! objective is broken, the stage whose next replica takes most off it grows; where all hold with a
//! margin, the stage that is missed least shrinks ([`plan`]). One stage changes at a time.
//!
//! ```text
//!   StageLoad × n ──▶ forecast at k replicas ──▶ p95 against objective ──▶ best stage ──▶ Plan
//!                         ▲            └ and at k ± 1 of each stage ┘
//!                 wait = queueing(rate, service, places)
//! ```
//!
//! What keeps it from flapping: the margin between what must hold before a replica goes and what must
//! break before one comes ([`REMOVAL_MARGIN`]), the delays of each stage's `autoscaling_config`, and
//! that a stage waits for its delay again after each change.

mod candidates;
mod config;
pub mod forecast;
mod moments;
mod objective;
mod planner;
pub mod queueing;
mod stage;
mod state;
#[cfg(test)]
mod tests;

pub use candidates::REMOVAL_MARGIN;
pub use config::SloConfig;
pub use forecast::{Forecast, Share};
pub use moments::{Moments, ServiceTimes};
pub use objective::Objective;
pub use planner::{Change, Plan, plan};
pub use stage::StageLoad;
pub use state::PlannerState;
