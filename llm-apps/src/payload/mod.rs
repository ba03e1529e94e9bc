//! The one thing that moves between the stages of an application.

mod answer;
mod kind;
pub mod names;
mod passage;
mod payload;
mod signature;
#[cfg(test)]
mod tests;

pub use answer::{Answer, AnswerEvent, AnswerStream, Completion};
pub use kind::Kind;
pub use passage::Passage;
pub use payload::{Payload, VariableError};
pub use signature::{Signature, SignatureError};
