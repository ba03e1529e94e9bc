//! The one thing that moves between the stages of an application.

mod answer;
mod kind;
pub mod names;
mod passage;
mod signature;
#[cfg(test)]
mod tests;
mod variables;

pub use answer::{Answer, AnswerEvent, AnswerStream, Completion};
pub use kind::Kind;
pub use passage::Passage;
pub use signature::{Signature, SignatureError};
pub use variables::{Payload, VariableError};
