//! Chunks of a streamed completion.

use llm_apps::stage::generate::{TextEvent, TextToken};

use super::chat_response::Extras;
use super::completion_response::{Completion, CompletionChoice};
use super::completion_whole::CompletionShape;
use super::head::Head;
use super::logprobs::ClassicLogprobs;
use super::streaming::StreamOptions;
use super::usage::ChunkUsage;
use super::wording::finish_reason;
use crate::generation::Tally;
use crate::sse::{Encode, Frames};

/// Writes the chunks of one completion.
#[derive(Debug)]
pub(crate) struct CompletionEncoder {
    head: Head,
    options: StreamOptions,
    shape: CompletionShape,
    /// Said with the end of the answer.
    extras: Option<Extras>,
}

impl CompletionEncoder {
    /// For an answer of this shape.
    pub(crate) fn new(head: Head, options: StreamOptions, shape: CompletionShape) -> Self {
        Self {
            head,
            options,
            shape,
            extras: None,
        }
    }

    /// With what an application says beside its answer, on the chunk that ends it.
    #[must_use]
    pub(crate) fn with_extras(mut self, extras: Option<Extras>) -> Self {
        self.extras = extras;
        self
    }

    fn text(&self, index: usize, text: String, tokens: &[TextToken]) -> CompletionChoice {
        let mut choice = CompletionChoice::new(index, text);
        if self.shape.logprobs {
            let mut logprobs = ClassicLogprobs::default();
            logprobs.extend(tokens);
            choice.logprobs = Some(logprobs);
        }
        choice
    }

    fn chunk(&self, choice: CompletionChoice, tally: &Tally, out: &mut Frames) {
        let usage = self.options.usage_of_chunk(tally);
        let ends = choice.finish_reason.is_some();
        let choices = [choice];
        let mut chunk = Completion::new(&self.head, &choices, usage);
        chunk.penstock = self.extras.as_ref().filter(|_| ends);
        out.data(&chunk);
    }
}

impl Encode for CompletionEncoder {
    fn event(&mut self, index: usize, event: TextEvent, tally: &Tally, out: &mut Frames) {
        match event {
            TextEvent::Prompt { text, tokens, .. } if self.shape.echo => {
                self.chunk(self.text(index, text, &tokens), tally, out);
            }
            TextEvent::Delta { text, tokens, .. } => {
                if !text.is_empty() || (self.shape.logprobs && !tokens.is_empty()) {
                    self.chunk(self.text(index, text, &tokens), tally, out);
                }
            }
            TextEvent::Finished { reason, .. } => {
                let mut choice = CompletionChoice::new(index, String::new());
                choice.finish_reason = Some(finish_reason(&reason));
                self.chunk(choice, tally, out);
            }
            // Errors end the stream elsewhere.
            TextEvent::Prompt { .. } | TextEvent::Failed { .. } => {}
        }
    }

    fn end(&mut self, tally: &Tally, out: &mut Frames) {
        if self.options.include_usage {
            let usage = ChunkUsage::Known(tally.usage());
            out.data(&Completion::new(&self.head, &[], usage));
        }
    }
}
