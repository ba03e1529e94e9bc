//! Answers in one piece.

use llm_apps::stage::generate::{FinishReason, StopMatch};
use serde::Serialize;
use serde_json::Value;

use crate::generation::{Tally, WholeChoice};
use crate::openai::{Extras, Head};

/// `POST /v1/messages`, whole; as the first event of a stream it is empty.
#[derive(Debug, Serialize)]
pub(crate) struct Message<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: &'a str,
    content: Vec<Block<'a>>,
    stop_reason: Option<&'static str>,
    stop_sequence: Option<&'a str>,
    usage: MessageUsage,
    /// What an application made the answer from.
    #[serde(skip_serializing_if = "Option::is_none")]
    penstock: Option<Extras>,
}

/// One block of an answer.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    /// What the model wrote.
    Text {
        /// The text.
        text: &'a str,
    },
}

/// Tokens in Anthropic's way of counting: those found in the cache are not among `input_tokens`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct MessageUsage {
    input_tokens: u32,
    cache_creation_input_tokens: u32,
    cache_read_input_tokens: u32,
    output_tokens: u32,
}

/// `POST /v1/messages/count_tokens`.
#[derive(Debug, Serialize)]
pub(crate) struct Counted {
    pub(crate) input_tokens: usize,
}

impl<'a> Message<'a> {
    /// A whole answer.
    pub(crate) fn whole(
        head: &'a Head,
        choice: &'a WholeChoice,
        tally: &Tally,
        sources: Value,
    ) -> Self {
        let (stop_reason, stop_sequence) = match &choice.reason {
            Some(reason) => stopped(reason),
            None => ("end_turn", None),
        };
        Self {
            content: vec![Block::Text { text: &choice.text }],
            stop_reason: Some(stop_reason),
            stop_sequence,
            penstock: Extras::of(sources),
            ..Self::opening(head, tally)
        }
    }

    /// The beginning of an answer, before anything of it is written.
    pub(super) fn opening(head: &'a Head, tally: &Tally) -> Self {
        Self {
            id: &head.id,
            kind: "message",
            role: "assistant",
            model: &head.model,
            content: Vec::new(),
            stop_reason: None,
            stop_sequence: None,
            usage: MessageUsage::of(tally),
            penstock: None,
        }
    }
}

impl MessageUsage {
    /// The usage so far.
    pub(super) fn of(tally: &Tally) -> Self {
        let (prompt, cached, completion) = tally.usage().counts();
        Self {
            input_tokens: prompt.saturating_sub(cached),
            cache_creation_input_tokens: 0,
            cache_read_input_tokens: cached,
            output_tokens: completion,
        }
    }
}

/// `stop_reason` and `stop_sequence`.
pub(super) fn stopped(reason: &FinishReason) -> (&'static str, Option<&str>) {
    match reason {
        FinishReason::Length => ("max_tokens", None),
        FinishReason::Stop {
            matched: Some(StopMatch::Text(text)),
        } => ("stop_sequence", Some(text)),
        FinishReason::Stop { .. } => ("end_turn", None),
    }
}
