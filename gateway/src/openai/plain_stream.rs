//! Frames of an answer that is streamed below an application's route prefix.

use std::sync::Arc;

use llm_apps::stage::generate::TextEvent;
use serde::Serialize;
use serde_json::{Value, json};

use super::chat_response::Extras;
use super::usage::Usage;
use super::wording::finish_reason;
use crate::generation::Tally;
use crate::sse::{Encode, Frames};

/// Writes `{"answer": "more text"}` again and again, then one frame with all that is told beside the
/// answer.
#[derive(Debug)]
pub(crate) struct PlainEncoder {
    output: Arc<str>,
    extras: Option<Extras>,
}

#[derive(Debug, Serialize)]
struct End<'a> {
    finish_reason: &'static str,
    usage: Usage,
    #[serde(skip_serializing_if = "Option::is_none")]
    penstock: Option<&'a Extras>,
}

impl PlainEncoder {
    /// For an answer that is the variable `output`, made from `sources`.
    pub(crate) fn new(output: Arc<str>, sources: Value) -> Self {
        Self {
            output,
            extras: Extras::of(sources),
        }
    }
}

impl Encode for PlainEncoder {
    fn event(&mut self, _: usize, event: TextEvent, tally: &Tally, out: &mut Frames) {
        match event {
            TextEvent::Delta { text, .. } if !text.is_empty() => {
                out.data(&json!({ &*self.output: text }));
            }
            TextEvent::Finished { reason, .. } => out.data(&End {
                finish_reason: finish_reason(&reason),
                usage: tally.usage(),
                penstock: self.extras.as_ref(),
            }),
            // An application does not echo, and errors end the stream elsewhere.
            TextEvent::Delta { .. } | TextEvent::Prompt { .. } | TextEvent::Failed { .. } => {}
        }
    }

    fn end(&mut self, _: &Tally, _: &mut Frames) {}
}
