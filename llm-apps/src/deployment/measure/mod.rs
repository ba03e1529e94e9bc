//! What is measured of a deployment's requests: counts for whoever watches, and times of the last minute
//! for the planner of latency objectives.

mod meter;
mod rate;
mod times;

pub use meter::DeploymentCounts;
pub(super) use meter::{Meter, Passage};
pub use rate::Rate;
