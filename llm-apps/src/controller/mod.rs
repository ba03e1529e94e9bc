//! Applications as they run: desired state against actual state.

mod application;
mod assembly;
mod status;
#[cfg(test)]
mod tests;

pub use application::{Application, ApplicationParts};
pub use assembly::{Surroundings, assemble};
pub use status::{ApplicationState, ApplicationStatus};
