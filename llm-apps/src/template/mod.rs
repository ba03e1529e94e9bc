//! What of a configuration is Jinja: conditions of a pipeline, and prompts.

mod condition;
#[cfg(test)]
mod tests;

pub use condition::{Condition, ConditionError};
