//! An answer as its frames come.

use std::pin::Pin;

use async_openai::error::OpenAIError;
use futures::{Stream, StreamExt};

use super::chunk::{Choice, Chunk, ErrorObject};
use super::options::UpstreamOptions;
use super::trouble::{Note, Trouble};
use crate::payload::Completion;
use crate::stage::TokenCount;

/// Frames as the API's client reads them.
pub(super) type Frames = Pin<Box<dyn Stream<Item = Result<Chunk, OpenAIError>> + Send>>;

/// A running answer. Dropping it closes the connection.
pub(super) struct Reading {
    options: UpstreamOptions,
    frames: Frames,
    note: Note,
    /// Why the answer ended, once that was said; what it cost may come behind it.
    finish: Option<Completion>,
    tokens: Option<TokenCount>,
}

/// What is read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// More text, which is not empty.
    Text(String),
    /// The answer is complete; nothing follows. What it cost, where the provider says so.
    Finished(Completion, Option<TokenCount>),
}

impl Reading {
    pub(super) fn new(options: UpstreamOptions, frames: Frames, note: Note) -> Self {
        Self {
            options,
            frames,
            note,
            finish: None,
            tokens: None,
        }
    }

    /// The next text, or the end.
    pub(super) async fn next(&mut self) -> Result<Said, Trouble> {
        loop {
            match self.frames.next().await {
                Some(Ok(chunk)) => {
                    if let Some(text) = self.read(chunk)? {
                        return Ok(Said::Text(text));
                    }
                }
                // A connection that breaks behind the end of an answer takes nothing from it.
                broken => match (self.finish, broken) {
                    (Some(finish), _) => return Ok(Said::Finished(finish, self.tokens)),
                    (None, broken) => {
                        return Err(self.broken(broken.and_then(Result::err).as_ref()));
                    }
                },
            }
        }
    }

    fn read(&mut self, chunk: Chunk) -> Result<Option<String>, Trouble> {
        self.tokens = chunk.tokens().or(self.tokens);
        if let Some(error) = &chunk.error {
            return Err(self.told(error));
        }
        let choices = chunk.choices.unwrap_or_default();
        let Some(choice) = choices.into_iter().find(|choice| choice.index == 0) else {
            return Ok(None);
        };
        if let Some(finish) = self.finish_of(&choice)? {
            self.finish = Some(finish);
        }
        Ok(choice.into_text())
    }

    fn finish_of(&self, choice: &Choice) -> Result<Option<Completion>, Trouble> {
        let name = &self.options.name;
        Ok(match choice.finish_reason.as_deref() {
            None => None,
            Some("length") => Some(Completion::Length),
            Some("content_filter") => {
                let message = "the provider's content filter ended the answer".to_owned();
                return Err(Trouble::Filtered(message));
            }
            Some("tool_calls" | "function_call") => {
                let message = format!("the upstream `{name}` calls a tool, and none was offered");
                return Err(Trouble::Failed(message));
            }
            Some(_) => Some(Completion::Stop),
        })
    }

    /// An error within the stream.
    fn told(&self, error: &ErrorObject) -> Trouble {
        let said = self.options.cite(&error.message());
        let message = format!("the upstream `{}` failed: {said}", self.options.name);
        if error.is(&["invalid_request_error", "BadRequestError"]) {
            let param = error.param();
            Trouble::Invalid { message, param }
        } else {
            Trouble::passing(message)
        }
    }

    /// The stream ended, or cannot be read.
    fn broken(&self, error: Option<&OpenAIError>) -> Trouble {
        let name = &self.options.name;
        if let Some(trouble) = self.note.take() {
            return trouble;
        }
        if let Some(OpenAIError::JSONDeserialize(..)) = error {
            Trouble::Failed(format!("the upstream `{name}` said what is no answer"))
        } else {
            Trouble::passing(format!("the upstream `{name}` broke off its answer"))
        }
    }
}
