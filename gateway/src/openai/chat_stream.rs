//! Chunks of a streamed chat.

use llm_apps::stage::generate::{TextEvent, TextToken};
use serde_json::Value;

use super::chat_response::{ChatChunk, ChatDelta, ChunkChoice, Extras};
use super::head::Head;
use super::logprobs::ChatLogprobs;
use super::streaming::StreamOptions;
use super::usage::ChunkUsage;
use super::wording::finish_reason;
use crate::generation::Tally;
use crate::sse::{Encode, Frames};

/// Writes the chunks of one chat.
#[derive(Debug)]
pub(crate) struct ChatEncoder {
    head: Head,
    options: StreamOptions,
    logprobs: bool,
    /// Which choices have said their role.
    opened: Vec<bool>,
    /// Said with the end of the answer.
    extras: Option<Extras>,
}

impl ChatEncoder {
    /// For an answer of so many choices.
    pub(crate) fn new(head: Head, options: StreamOptions, logprobs: bool, choices: usize) -> Self {
        Self {
            head,
            options,
            logprobs,
            opened: vec![false; choices],
            extras: None,
        }
    }

    /// With the passages that an application made the answer from, on the chunk that ends it.
    #[must_use]
    pub(crate) fn with_sources(mut self, sources: Value) -> Self {
        self.extras = Extras::of(sources);
        self
    }

    /// The first chunk of a choice holds its role.
    fn open(&mut self, index: usize, tally: &Tally, out: &mut Frames) {
        if let Some(opened) = self.opened.get_mut(index)
            && !std::mem::replace(opened, true)
        {
            let opening = ChunkChoice::new(index, ChatDelta::role());
            self.chunk(opening, tally, out);
        }
    }

    fn text(
        &self,
        index: usize,
        text: &str,
        tokens: &[TextToken],
        tally: &Tally,
        out: &mut Frames,
    ) {
        let mut choice = ChunkChoice::new(index, ChatDelta::text(text));
        if self.logprobs {
            let mut logprobs = ChatLogprobs::default();
            logprobs.extend(tokens);
            choice.logprobs = Some(logprobs);
        }
        self.chunk(choice, tally, out);
    }

    fn chunk(&self, choice: ChunkChoice<'_>, tally: &Tally, out: &mut Frames) {
        let usage = self.options.usage_of_chunk(tally);
        let ends = choice.finish_reason.is_some();
        let choices = [choice];
        let mut chunk = ChatChunk::new(&self.head, &choices, usage);
        chunk.penstock = self.extras.as_ref().filter(|_| ends);
        out.data(&chunk);
    }
}

impl Encode for ChatEncoder {
    fn event(&mut self, index: usize, event: TextEvent, tally: &Tally, out: &mut Frames) {
        self.open(index, tally, out);
        match event {
            TextEvent::Delta { text, tokens, .. } => {
                if !text.is_empty() || (self.logprobs && !tokens.is_empty()) {
                    self.text(index, &text, &tokens, tally, out);
                }
            }
            TextEvent::Finished { reason, .. } => {
                let mut choice = ChunkChoice::new(index, ChatDelta::default());
                choice.finish_reason = Some(finish_reason(&reason));
                self.chunk(choice, tally, out);
            }
            // A chat does not echo, and errors end the stream elsewhere.
            TextEvent::Prompt { .. } | TextEvent::Failed { .. } => {}
        }
    }

    fn end(&mut self, tally: &Tally, out: &mut Frames) {
        if self.options.include_usage {
            let usage = ChunkUsage::Known(tally.usage());
            out.data(&ChatChunk::new(&self.head, &[], usage));
        }
    }
}
