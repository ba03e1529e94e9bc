//! Applications as they run: desired state against actual state.
//!
//! The [`Controller`] holds the applications of a server. It is given what a configuration says, and
//! starts, changes and ends applications (`application`) and their deployments (`deployments`) until that
//! is so; `assembly` makes stages of what the configuration says.

mod application;
mod applications;
mod assembly;
mod deployments;
mod plan;
mod small_models;
mod status;
mod succession;
mod surroundings;
#[cfg(test)]
mod tests;
mod user_config;

pub use application::{Application, ApplicationParts};
pub use applications::Controller;
pub use plan::{Action, Plan, Planned, PlannedApplication};
pub use status::{ApplicationState, ApplicationStatus};
pub use surroundings::{LatencyOf, Site, Surroundings};
