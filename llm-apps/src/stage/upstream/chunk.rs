//! What a provider says, a frame at a time. Providers differ in what they leave out, so nothing is
//! required but what is used.

use serde::Deserialize;
use serde_json::Value;

use crate::stage::TokenCount;

/// One frame of a chat or of a completion.
#[derive(Debug, Deserialize)]
pub(super) struct Chunk {
    #[serde(default)]
    pub(super) choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    pub(super) error: Option<ErrorObject>,
}

/// What one answer says in a frame.
#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    pub(super) index: u32,
    /// Of a chat.
    #[serde(default)]
    delta: Option<Delta>,
    /// Of a completion.
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    pub(super) finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
    /// What stands in the place of the content where a model declines.
    #[serde(default)]
    refusal: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Debug, Deserialize)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

/// The body of a failed request.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ErrorBody {
    #[serde(default)]
    pub(super) error: ErrorObject,
}

/// An error, as a body or within a stream. Some providers write a bare text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum ErrorObject {
    /// OpenAI's shape.
    Fields {
        #[serde(default)]
        message: Option<String>,
        #[serde(default, rename = "type")]
        kind: Option<String>,
        #[serde(default)]
        param: Option<Value>,
        #[serde(default)]
        code: Option<Value>,
    },
    /// Anything else.
    Other(Value),
}

impl Choice {
    /// Its text, if there is some.
    pub(super) fn into_text(self) -> Option<String> {
        let said = self.delta.and_then(|delta| delta.content.or(delta.refusal));
        said.or(self.text).filter(|text| !text.is_empty())
    }
}

impl Chunk {
    /// What the request has cost.
    pub(super) fn tokens(&self) -> Option<TokenCount> {
        let usage = self.usage.as_ref()?;
        let details = usage.prompt_tokens_details.as_ref();
        Some(TokenCount {
            prompt: usage.prompt_tokens,
            cached: details.and_then(|d| d.cached_tokens).unwrap_or(0),
            completion: usage.completion_tokens,
        })
    }
}

impl ErrorObject {
    /// What it says.
    pub(super) fn message(&self) -> String {
        match self {
            Self::Fields { message, .. } => message.clone().unwrap_or_default(),
            Self::Other(Value::String(text)) => text.clone(),
            Self::Other(other) => other.to_string(),
        }
    }

    /// The field at fault.
    pub(super) fn param(&self) -> Option<String> {
        match self {
            Self::Fields { param, .. } => param.as_ref()?.as_str().map(str::to_owned),
            Self::Other(_) => None,
        }
    }

    /// Whether its type or its code is one of these.
    pub(super) fn is(&self, names: &[&str]) -> bool {
        let Self::Fields { kind, code, .. } = self else {
            return false;
        };
        let code = code.as_ref().and_then(Value::as_str);
        let mut said = kind.as_deref().into_iter().chain(code);
        said.any(|name| names.contains(&name))
    }
}

impl Default for ErrorObject {
    fn default() -> Self {
        Self::Other(Value::String(String::new()))
    }
}
