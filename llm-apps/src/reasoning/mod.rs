//! Reasoning: what a model thinks before it answers, between `<think>` and `</think>`.
//!
//! - [`ReasoningSyntax`]: whether a model thinks, and whether its chat template opens the tag in the prompt or
//!   leaves that to the model; found out by rendering, for each way in which a request can turn thinking on and
//!   off.
//! - [`ReasoningParser`]: a state machine over characters that takes the thought apart from the answer. What it
//!   says depends on the text and not on the pieces in which it comes.
//! - [`Opening::then`]: a form that applies to the answer, behind a thought that is free.

mod parser;
mod syntax;
#[cfg(test)]
mod tests;

pub use parser::{ReasoningParser, ReasoningPiece};
pub use syntax::{Opening, ReasoningFormat, ReasoningSyntax};
