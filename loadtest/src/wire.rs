//! As much of OpenAI's stream as is measured.

use serde::Deserialize;

/// One frame of `/v1/completions` or `/v1/chat/completions`.
#[derive(Debug, Deserialize)]
pub(crate) struct Frame {
    #[serde(default)]
    pub(crate) choices: Vec<Choice>,
    pub(crate) usage: Option<Usage>,
    pub(crate) error: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Choice {
    text: Option<String>,
    delta: Option<Delta>,
    pub(crate) finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Delta {
    content: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Usage {
    pub(crate) prompt_tokens: u64,
    pub(crate) completion_tokens: u64,
}

impl Choice {
    /// The text that it adds to the answer.
    pub(crate) fn text(&self) -> &str {
        let chat = self
            .delta
            .as_ref()
            .and_then(|delta| delta.content.as_deref());
        self.text.as_deref().or(chat).unwrap_or_default()
    }
}
