//! `process`: code in any language, as a child process that speaks JSON lines.
//!
//! Each request is one line on the child's input, `{"id": 1, "variables": {...}}`; each answer is one
//! line on its output, `{"id": 1, "variables": {...}}` or `{"id": 1, "error": "..."}`, in whatever order
//! the child finishes. What it writes to its error output goes to the log.
//!
//! The child is started with its stage and lives for all requests. One that ends within its first second
//! fails the start. When it dies later, what it was asked fails as unavailable, and the next request starts another, after a pause that grows while it
//! keeps dying. It is killed when its stage is dropped; and when this process itself is killed, its input
//! ends, at which it should exit.

mod child;
mod options;
mod stage;
#[cfg(test)]
mod tests;
mod wire;

pub use options::ProcessOptions;
pub use stage::ProcessStage;
