//! `validate`: what an answer must be like, and what happens when it is not.
//!
//! Two kinds of rules. Some are decided while the text comes: forbidden content, a longest length. The
//! [`watcher`] applies them to each piece and holds back just so much that nothing of an invalid span is
//! ever passed on: the longest end of the text with which one may have begun. The others (a JSON schema,
//! a pattern for the whole, the language, grounding in the passages, a judge) look at the whole answer,
//! which is held back until then. Either way a generation that cannot become valid any more is dropped
//! at once, which cancels it.
//!
//! What a rule found is the [`verdict`]; what is done about it, in order, are the remedies of
//! [`OnFailure`].

mod grounding;
mod judge;
mod language;
mod options;
mod pattern;
mod repair;
mod rules;
mod schema;
mod spans;
mod stage;
mod streamed;
#[cfg(test)]
mod tests;
mod verdict;
mod watcher;

pub use grounding::Grounding;
pub use judge::{Judge, JudgeOptions};
pub use language::{Languages, UnknownLanguage};
pub use options::{OnFailure, Refusal, Retry, StreamMode, ValidateOptions};
pub use pattern::{Forbidden, Pattern, PatternError};
pub use schema::{AnswerSchema, SchemaError};
pub use stage::ValidateStage;
