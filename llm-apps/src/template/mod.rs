//! What of a configuration is Jinja: conditions of a pipeline, and prompts.

mod condition;
mod prompt;
#[cfg(test)]
mod tests;

pub use condition::{Condition, ConditionError};
pub use prompt::{PromptTemplate, PromptTemplateError};
