//! A pipeline: the way of a payload through the deployments of an application.
//!
//! Steps run one after the other; a step is a call of a deployment, or steps of its own under a
//! condition, beside each other, or again and again. Deadline and cancellation are the call's: dropping
//! the future of [`Pipeline::run`], or the answer that came out of it, ends whatever still runs.

mod error;
mod run;
mod step;
#[cfg(test)]
mod tests;

pub use error::PipelineError;
pub use step::{Member, Pipeline, Step};
