//! Chunks of a streamed chat.

use llm_apps::stage::generate::{TextEvent, TextToken};
use serde_json::Value;

use super::chat_reader::{ChatPiece, ChatReader, ChatReading};
use super::chat_response::{ChatChunk, ChatDelta, ChunkChoice, Extras};
use super::head::Head;
use super::logprobs::ChatLogprobs;
use super::streaming::StreamOptions;
use super::usage::ChunkUsage;
use crate::generation::Tally;
use crate::sse::{Encode, Frames};

/// Writes the chunks of one chat.
#[derive(Debug)]
pub(crate) struct ChatEncoder {
    head: Head,
    options: StreamOptions,
    logprobs: bool,
    reading: ChatReading,
    choices: Vec<Choice>,
    /// Said with the end of the answer.
    extras: Option<Extras>,
}

/// Where one choice stands.
#[derive(Debug)]
struct Choice {
    /// Whether it has said its role.
    opened: bool,
    reader: ChatReader,
    /// Log-probabilities that go with the next chunk.
    logprobs: Option<ChatLogprobs>,
}

impl ChatEncoder {
    /// For an answer of so many choices, which are read so.
    pub(crate) fn new(
        head: Head,
        options: StreamOptions,
        (reading, logprobs): (ChatReading, bool),
        choices: usize,
    ) -> Self {
        let choice = |_| Choice {
            opened: false,
            reader: reading.reader(),
            logprobs: None,
        };
        Self {
            choices: (0..choices).map(choice).collect(),
            head,
            options,
            logprobs,
            reading,
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
        if let Some(choice) = self.choices.get_mut(index)
            && !std::mem::replace(&mut choice.opened, true)
        {
            let opening = ChunkChoice::new(index, ChatDelta::role());
            self.chunk(opening, tally, out);
        }
    }

    /// What a choice's text goes on with, and the tokens that wrote it.
    fn text(
        &mut self,
        index: usize,
        (text, tokens): (String, &[TextToken]),
        tally: &Tally,
        out: &mut Frames,
    ) {
        let Some(choice) = self.choices.get_mut(index) else {
            return;
        };
        if self.logprobs && !tokens.is_empty() {
            let scored = choice.logprobs.get_or_insert_default();
            scored.extend(tokens);
        }
        let pieces = choice.reader.push(&text, tokens.len());
        // Tokens without a text come alone, unless the text is only held back.
        let alone = pieces.is_empty() && choice.logprobs.is_some() && !choice.reader.reads();
        if alone {
            self.piece(index, ChatDelta::text(""), tally, out);
        }
        self.pieces(index, pieces, tally, out);
    }

    fn pieces(&mut self, index: usize, pieces: Vec<ChatPiece>, tally: &Tally, out: &mut Frames) {
        for piece in pieces {
            match piece {
                ChatPiece::Reasoning(text) => {
                    self.piece(index, ChatDelta::reasoning(&text), tally, out);
                }
                ChatPiece::Content(text) => {
                    self.piece(index, ChatDelta::text(&text), tally, out);
                }
                ChatPiece::Call { index: call, name } => {
                    let id = self.reading.call_id(&self.head.id, index, call);
                    self.piece(index, ChatDelta::call(call, &id, &name), tally, out);
                }
                ChatPiece::Arguments { index: call, text } => {
                    self.piece(index, ChatDelta::arguments(call, &text), tally, out);
                }
            }
        }
    }

    fn piece(&mut self, index: usize, delta: ChatDelta<'_>, tally: &Tally, out: &mut Frames) {
        let mut choice = ChunkChoice::new(index, delta);
        choice.logprobs = self.scored(index);
        self.chunk(choice, tally, out);
    }

    /// The log-probabilities that go with a chunk, if they were asked for.
    fn scored(&mut self, index: usize) -> Option<ChatLogprobs> {
        let held = self.choices.get_mut(index)?.logprobs.take();
        held.or_else(|| self.logprobs.then(ChatLogprobs::default))
    }

    fn reasoning_tokens(&self) -> u32 {
        let choices = self.choices.iter();
        choices.map(|choice| choice.reader.reasoning_tokens()).sum()
    }

    fn chunk(&self, choice: ChunkChoice<'_>, tally: &Tally, out: &mut Frames) {
        let usage = self.options.usage_of_chunk(tally);
        let usage = usage.with_reasoning(self.reasoning_tokens());
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
                self.text(index, (text, &tokens), tally, out);
            }
            TextEvent::Finished { reason, .. } => {
                let Some(choice) = self.choices.get_mut(index) else {
                    return;
                };
                let rest = choice.reader.finish();
                let reason = choice.reader.finish_reason(&reason);
                self.pieces(index, rest, tally, out);
                let mut ending = ChunkChoice::new(index, ChatDelta::default());
                if let Some(choice) = self.choices.get_mut(index) {
                    ending.logprobs = choice.logprobs.take();
                }
                ending.finish_reason = Some(reason);
                self.chunk(ending, tally, out);
            }
            // A chat does not echo, and errors end the stream elsewhere.
            TextEvent::Prompt { .. } | TextEvent::Failed { .. } => {}
        }
    }

    fn end(&mut self, tally: &Tally, out: &mut Frames) {
        if self.options.include_usage {
            let usage = ChunkUsage::Known(tally.usage()).with_reasoning(self.reasoning_tokens());
            out.data(&ChatChunk::new(&self.head, &[], usage));
        }
    }
}
