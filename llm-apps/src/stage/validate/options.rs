//! What is checked, and what is done about what fails.

use super::grounding::Grounding;
use super::judge::JudgeOptions;
use super::language::Languages;
use super::pattern::{Forbidden, Pattern};
use super::schema::AnswerSchema;
use crate::payload::{Kind, Signature, names};

/// The rules of an answer. Those that are `None` are not asked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ValidateOptions {
    /// Characters at most.
    pub max_chars: Option<usize>,
    /// Texts and patterns that must not occur.
    pub forbidden: Option<Forbidden>,
    /// A pattern that must occur.
    pub regex: Option<Pattern>,
    /// The answer is JSON that this schema describes.
    pub json_schema: Option<AnswerSchema>,
    /// The languages that it may be in.
    pub language: Option<Languages>,
    /// How much of it must stand in the passages.
    pub grounding: Option<Grounding>,
    /// What another model must say of it.
    pub judge: Option<JudgeOptions>,
    /// What is done about an answer that breaks a rule.
    pub on_failure: OnFailure,
    /// Whether the answer goes on while it is checked.
    pub stream: StreamMode,
}

/// What is done about an invalid answer, in this order; the last is a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OnFailure {
    /// It is made valid where that can be done without a model: cut before what is too long or
    /// forbidden; the JSON is taken out of what stands around it.
    pub repair: bool,
    /// The pipeline's loop makes it anew.
    pub retry: Option<Retry>,
    /// This text is the answer.
    pub fallback: Option<String>,
    /// What a client is told when nothing else is left.
    pub refusal: Refusal,
}

/// How often an answer is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// As often as the loop goes round.
    Always,
    /// No more in this attempt of the loop, counted from 1.
    Until(u32),
}

/// What a client is told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusal {
    /// A stable name of what happened. Default: `invalid_answer`.
    pub code: Option<String>,
    /// Default: says which rule it was, and nothing of the answer.
    pub message: Option<String>,
}

/// Whether an answer goes on while it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StreamMode {
    /// When nothing that goes on can turn out to be invalid, nor be wanted back: only rules that are
    /// decided while the text comes, and no retry and no fallback.
    #[default]
    Auto,
    /// Always: what was passed on stays, and an answer that breaks a rule at its end ends with a refusal
    /// instead. For rules of which the reader may see a breach.
    Always,
    /// Never: the answer comes when it is complete.
    Never,
}

impl ValidateOptions {
    /// Whether the answer goes on while it is checked. Then there is no verdict for the stages behind.
    pub fn streams(&self) -> bool {
        let whole = self.regex.is_some()
            || self.json_schema.is_some()
            || self.language.is_some()
            || self.grounding.is_some()
            || self.judge.is_some();
        let taken_back = self.on_failure.retry.is_some() || self.on_failure.fallback.is_some();
        match self.stream {
            StreamMode::Auto => !whole && !taken_back,
            StreamMode::Always => true,
            StreamMode::Never => false,
        }
    }

    /// The variables that it reads and writes.
    pub fn signature(&self) -> Signature {
        let mut signature = Signature::default()
            .reads(names::ANSWER, Kind::Text)
            .writes(names::ANSWER, Kind::Text);
        if let Some(grounding) = &self.grounding {
            signature = signature.reads(&grounding.passages, Kind::Passages);
        }
        if self.on_failure.retry.is_some() && !self.streams() {
            // Only a loop has it, and only a loop tries again.
            signature = signature.reads(ATTEMPT, Kind::Number);
        }
        if !self.streams() {
            signature = signature.writes(names::VERDICT, Kind::Object);
        }
        signature
    }
}

/// The variable in which a loop counts.
pub(super) const ATTEMPT: &str = "attempt";
