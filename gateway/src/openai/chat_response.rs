//! Chat completions on their way out, in one piece and in chunks.

use serde::Serialize;
use serde_json::Value;

use super::head::{Head, SYSTEM_FINGERPRINT};
use super::logprobs::{ChatLogprobs, PromptLogprobs};
use super::usage::{ChunkUsage, Usage};

/// The answer in one piece.
#[derive(Debug, Serialize)]
pub(crate) struct ChatCompletion {
    id: String,
    object: &'static str,
    created: u64,
    model: String,
    choices: Vec<ChatChoice>,
    usage: Usage,
    system_fingerprint: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prompt_logprobs: Option<PromptLogprobs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    penstock: Option<Extras>,
}

/// What an application says beside its answer.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Extras {
    /// The passages that the answer was made from.
    sources: Value,
}

impl Extras {
    /// Nothing where nothing was looked up.
    pub(crate) fn of(sources: Value) -> Option<Self> {
        (!sources.is_null()).then_some(Self { sources })
    }
}

/// One of its choices.
#[derive(Debug, Serialize)]
pub(crate) struct ChatChoice {
    index: usize,
    message: AssistantMessage,
    logprobs: Option<ChatLogprobs>,
    finish_reason: &'static str,
}

#[derive(Debug, Serialize)]
struct AssistantMessage {
    role: &'static str,
    content: String,
    refusal: Option<()>,
}

/// One chunk of a streamed answer.
#[derive(Debug, Serialize)]
pub(crate) struct ChatChunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    system_fingerprint: &'static str,
    choices: &'a [ChunkChoice<'a>],
    #[serde(skip_serializing_if = "ChunkUsage::is_absent")]
    usage: ChunkUsage,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) penstock: Option<&'a Extras>,
}

/// The choice that a chunk is about.
#[derive(Debug, Serialize)]
pub(crate) struct ChunkChoice<'a> {
    index: usize,
    delta: ChatDelta<'a>,
    pub(crate) logprobs: Option<ChatLogprobs>,
    pub(crate) finish_reason: Option<&'static str>,
}

/// What a chunk adds to a choice.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ChatDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    /// `null`, in the opening only.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<()>,
}

impl ChatCompletion {
    pub(crate) fn new(head: Head, choices: Vec<ChatChoice>, usage: Usage) -> Self {
        Self {
            id: head.id,
            object: "chat.completion",
            created: head.created,
            model: head.model,
            choices,
            usage,
            system_fingerprint: SYSTEM_FINGERPRINT,
            prompt_logprobs: None,
            penstock: None,
        }
    }

    /// With the passages that an application made it from.
    #[must_use]
    pub(crate) fn with_sources(mut self, sources: Value) -> Self {
        self.penstock = Extras::of(sources);
        self
    }
}

impl ChatChoice {
    pub(crate) fn new(
        index: usize,
        content: String,
        logprobs: Option<ChatLogprobs>,
        finish_reason: &'static str,
    ) -> Self {
        let message = AssistantMessage {
            role: "assistant",
            content,
            refusal: None,
        };
        Self {
            index,
            message,
            logprobs,
            finish_reason,
        }
    }
}

impl<'a> ChatChunk<'a> {
    pub(crate) fn new(head: &'a Head, choices: &'a [ChunkChoice<'a>], usage: ChunkUsage) -> Self {
        Self {
            id: &head.id,
            object: "chat.completion.chunk",
            created: head.created,
            model: &head.model,
            system_fingerprint: SYSTEM_FINGERPRINT,
            choices,
            usage,
            penstock: None,
        }
    }
}

impl<'a> ChunkChoice<'a> {
    /// A piece of a choice, without more.
    pub(crate) fn new(index: usize, delta: ChatDelta<'a>) -> Self {
        Self {
            index,
            delta,
            logprobs: None,
            finish_reason: None,
        }
    }
}

impl<'a> ChatDelta<'a> {
    /// The opening of a choice.
    pub(crate) fn role() -> Self {
        Self {
            role: Some("assistant"),
            content: Some(""),
            refusal: Some(()),
        }
    }

    /// More text.
    pub(crate) fn text(content: &'a str) -> Self {
        Self {
            content: Some(content),
            ..Self::default()
        }
    }
}
