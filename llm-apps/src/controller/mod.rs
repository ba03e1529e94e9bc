//! Applications as they run: desired state against actual state.

mod application;
mod status;
#[cfg(test)]
mod tests;

pub use application::{Application, ApplicationParts};
pub use status::{ApplicationState, ApplicationStatus};
