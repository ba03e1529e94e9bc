//! Text generation: a conversation or a text goes in, pieces of text come out. [`GenerateStage`] is the
//! stage of an application; the gateway's own endpoints speak to [`TextModel`].
//!
//! A request's way through this room:
//!
//! 1. [`TextModel::prepare`] compiles the answer's form, if it is to have one (`compiling`), renders the chat template, tokenizes and proves everything against the
//!    model, on threads where that may take its time (`prompt`, `prepare`).
//! 2. [`TextModel::submit`] hands one generation to the engine, or to replicas that have one (`backend`), for each of the `n` choices: all or
//!    none.
//! 3. [`TextStream`] reads the engine's token events as they come. Each choice turns its own into
//!    text by itself (`choice`): detokenizer, stop strings, what must be held back. So a choice's
//!    events never depend on how those of the others fall between them. The prompt's log-probabilities
//!    are computed once, for the first choice; the others wait until it has them.
//! 4. Each choice ends in exactly one terminal event, [`TextEvent::Finished`] or
//!    [`TextEvent::Failed`] (E5). Dropping the stream cancels all choices; a stop string cancels its
//!    own choice at once.
//!
//! Memory is bounded: the engine's channels by `max_tokens`, held text by the longest stop string,
//! prompts that are rendered and tokenized at the same time by a semaphore.

mod backend;
mod choice;
mod compiling;
mod error;
mod event;
mod held;
mod labels;
mod model;
mod options;
mod prepare;
mod prompt;
mod request;
mod stage;
mod stream;
#[cfg(test)]
mod tests;
mod wishes;

pub use backend::Backend;
pub use error::GenerateError;
pub use event::{Alternative, FinishReason, Logprobs, StopMatch, TextEvent, TextToken, TextUsage};
pub use model::{ModelInfo, TextModel, TextModelParts};
pub use options::{GenerateInput, GenerateOptions};
pub use prepare::PreparedRequest;
pub use request::{ChatPrompt, Form, MAX_CHOICES, Prompt, TextRequest};
pub use stage::{GenerateDefaults, GenerateStage};
pub use stream::TextStream;
pub(in crate::stage) use wishes::Wishes;
