//! What of a configuration is Jinja: conditions of a pipeline, prompts, addresses, values
//! in JSON.

mod condition;
mod json;
mod prompt;
#[cfg(test)]
mod tests;
mod url;

pub use condition::{Condition, ConditionError};
pub use json::JsonTemplate;
pub use prompt::{PromptTemplate, PromptTemplateError};
pub use url::{UrlTemplate, UrlTemplateError};
