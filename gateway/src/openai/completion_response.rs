//! Text completions on their way out; a chunk has the shape of the whole.

use serde::Serialize;

use super::chat_response::Extras;
use super::head::{Head, SYSTEM_FINGERPRINT};
use super::logprobs::{ClassicLogprobs, PromptLogprobs};
use super::usage::ChunkUsage;

/// The answer, or a chunk of it.
#[derive(Debug, Serialize)]
pub(crate) struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [CompletionChoice],
    #[serde(skip_serializing_if = "ChunkUsage::is_absent")]
    usage: ChunkUsage,
    system_fingerprint: &'static str,
    /// What an application says beside its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) penstock: Option<&'a Extras>,
}

/// One choice, or what a chunk adds to it.
#[derive(Debug, Serialize)]
pub(crate) struct CompletionChoice {
    pub(crate) text: String,
    pub(crate) index: usize,
    pub(crate) logprobs: Option<ClassicLogprobs>,
    pub(crate) finish_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prompt_logprobs: Option<PromptLogprobs>,
}

impl<'a> Completion<'a> {
    pub(crate) fn new(head: &'a Head, choices: &'a [CompletionChoice], usage: ChunkUsage) -> Self {
        Self {
            id: &head.id,
            object: "text_completion",
            created: head.created,
            model: &head.model,
            choices,
            usage,
            system_fingerprint: SYSTEM_FINGERPRINT,
            penstock: None,
        }
    }
}

impl CompletionChoice {
    /// More text, nothing else.
    pub(crate) fn new(index: usize, text: String) -> Self {
        Self {
            text,
            index,
            logprobs: None,
            finish_reason: None,
            prompt_logprobs: None,
        }
    }
}
