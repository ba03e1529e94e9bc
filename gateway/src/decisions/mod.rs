//! `POST /v1/decisions`: questions about a text, answered with probabilities.
//!
//! A question is asked as a chat whose answer begins with one of a few labels: `Yes` or `No`, a letter for
//! each choice, a digit for each level. One token is generated, and the model's own probabilities of the
//! labels, scaled to a sum of 1, are the answer: a prefill, no text. Questions of one request share what
//! they are about, so the prefix cache has it computed once.
//!
//! The shape is OpenAI's; vLLM reads labels in the same way.

mod answer;
mod input;
mod question;
mod request;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use answer::Decision;
pub use request::{DecisionRequest, decision_request};
pub(crate) use table::DECISIONS;
