//! What is sent.

use serde_json::{Map, Value};

use crate::template::{JsonTemplate, PromptTemplate, PromptTemplateError};

/// The body of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum HttpBody {
    /// A text, sent as it is.
    Text(PromptTemplate),
    /// JSON of which the texts are templates, so that nothing a variable holds can break it.
    Json(JsonTemplate),
}

impl HttpBody {
    /// JSON of which the texts are templates; `name` stands in errors.
    ///
    /// # Errors
    /// [`PromptTemplateError`] of the first text that is no template.
    pub fn json(name: &str, value: &Value) -> Result<Self, PromptTemplateError> {
        JsonTemplate::new(name, value).map(Self::Json)
    }

    /// The templates in it.
    pub fn templates(&self) -> Vec<&PromptTemplate> {
        match self {
            Self::Text(template) => vec![template],
            Self::Json(json) => json.templates(),
        }
    }

    /// The bytes, and their type.
    pub(super) fn render(
        &self,
        variables: &Map<String, Value>,
    ) -> Result<(String, &'static str), PromptTemplateError> {
        match self {
            Self::Text(template) => Ok((template.render(variables)?, "text/plain; charset=utf-8")),
            Self::Json(json) => Ok((json.render(variables)?.to_string(), "application/json")),
        }
    }
}
