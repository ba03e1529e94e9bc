//! `process`: code in any language, as a child process that speaks JSON lines.
//!
//! Each request is one line on the child's input, `{"id": 1, "variables": {...}}`; each answer is one
//! line on its output, `{"id": 1, "variables": {...}}` or `{"id": 1, "error": "..."}`, in whatever order
//! the child finishes. What it writes to its error output goes to the log.
//!
//! The child is started with its stage and lives for all requests. It takes some once it has lived for a
//! second, or, with [`Readiness::SaysSo`], once it writes `{"ready": true}`; one that ends before that
//! fails the start. When it dies later, what it was given fails as unavailable, and another is started,
//! after a pause that grows while children die without having done anything. Meanwhile the stage is not
//! [`ready`](crate::stage::Stage::ready), so that requests wait, or go elsewhere. One that was asked and
//! writes nothing for longer than an answer may take is unhealthy. It is killed when its stage is dropped;
//! and when this process itself is killed, its input ends, at which it should exit.

mod child;
mod options;
mod said;
mod stage;
mod supervisor;
#[cfg(test)]
mod tests;
mod waiting;
mod wire;

pub use options::{ProcessOptions, Readiness};
pub use stage::ProcessStage;
