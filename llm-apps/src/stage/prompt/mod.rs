//! `prompt`: what a model is asked, written from templates and kept within a budget of tokens.
//!
//! Templates see all variables. What they write is a conversation (a system message, the conversation
//! so far, and the turn to be answered) or one text. Where it is longer than its budget, the oldest
//! turns of the conversation go first, then the passages that fit the question least; each goes whole,
//! and the question never does.

mod budget;
mod conversation;
mod counter;
mod options;
mod stage;
#[cfg(test)]
mod tests;

pub use counter::TokenCounter;
pub use options::{PromptForm, PromptOptions, TokenBudget};
pub use stage::PromptStage;
