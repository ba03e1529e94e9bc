//! Configurations of a running server: what it was started with, and what is deployed while it runs.
//!
//! `deploy` proves a configuration and returns at once with the plan; `work` carries it out. What the
//! configuration names is opened first, beside what is there; then the catalogue that requests see is
//! replaced, and the controller brings the applications from the one to the other. What cannot be opened
//! changes nothing, and is told by `details`.

mod deployer;
mod details;
mod error;
mod opener;
mod source;

pub use deployer::Deployer;
pub use details::{ApplicationDetails, Details};
pub use error::{DeployError, StartError};
pub use opener::{Opened, Opener};
pub use source::ConfigSource;
