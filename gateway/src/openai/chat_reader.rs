//! The text of a chat's answer, read as what it means: content, and calls of tools. Whole answers and
//! streams are read by the same reader, so that they say the same.

use std::hash::{DefaultHasher, Hash, Hasher};

use llm_apps::stage::generate::FinishReason;
use llm_apps::tool_calls::{ToolCallParser, ToolFormat, ToolPiece, ToolSyntax, ToolUse};

use super::wording::finish_reason;

/// How the answers of one chat are read.
#[derive(Debug, Clone, Default)]
pub(crate) struct ChatReading {
    calls: Option<ToolCallParser>,
    short_ids: bool,
}

/// Reads one answer.
#[derive(Debug)]
pub(crate) struct ChatReader {
    calls: Option<ToolCallParser>,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChatPiece {
    /// What is said.
    Content(String),
    /// The call of this number begins.
    Call { index: usize, name: String },
    /// Its arguments go on.
    Arguments { index: usize, text: String },
}

impl ChatReading {
    /// Of a model that writes calls in `syntax`.
    pub(crate) fn new(tools: Option<&ToolUse>, syntax: ToolSyntax) -> Self {
        Self {
            calls: tools.map(|tools| ToolCallParser::new(syntax.format, tools)),
            short_ids: syntax.format == ToolFormat::Mistral,
        }
    }

    /// The reader of one answer.
    pub(crate) fn reader(&self) -> ChatReader {
        let calls = self.calls.clone();
        ChatReader { calls }
    }

    /// The id of a call, of an answer with this id: the same whenever it is told. Mistral's templates take ids
    /// of nine letters and digits.
    pub(crate) fn call_id(&self, answer: &str, choice: usize, call: usize) -> String {
        const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let (prefix, length) = if self.short_ids {
            ("", 9)
        } else {
            ("call_", 24)
        };
        let digit = |place: u64| {
            let mut hasher = DefaultHasher::new();
            (answer, choice, call, place).hash(&mut hasher);
            let digit = usize::try_from(hasher.finish() % 62).unwrap_or(0);
            DIGITS.get(digit).copied().map_or('0', char::from)
        };
        prefix.chars().chain((0..length).map(digit)).collect()
    }
}

impl ChatReader {
    /// Whether pieces are made of the text: otherwise all of it is content.
    pub(crate) fn reads(&self) -> bool {
        self.calls.is_some()
    }

    /// What more of the text means.
    pub(crate) fn push(&mut self, text: String) -> Vec<ChatPiece> {
        let Some(calls) = &mut self.calls else {
            return content(text).into_iter().collect();
        };
        let mut out = Vec::new();
        calls.push(&text, &mut out);
        out.into_iter().map(ChatPiece::from).collect()
    }

    /// What was held back, when the text is complete.
    pub(crate) fn finish(&mut self) -> Vec<ChatPiece> {
        let mut out = Vec::new();
        if let Some(calls) = &mut self.calls {
            calls.finish(&mut out);
        }
        out.into_iter().map(ChatPiece::from).collect()
    }

    /// `finish_reason` of an answer that was read to its end.
    pub(crate) fn finish_reason(&self, reason: &FinishReason) -> &'static str {
        let called = |calls: &ToolCallParser| calls.calls() > 0;
        match (&self.calls, reason) {
            (Some(calls), FinishReason::Stop { matched: None }) if called(calls) => "tool_calls",
            // Cut off by a stop string behind a call, but not within one.
            (Some(calls), FinishReason::Stop { .. }) if called(calls) && calls.is_whole() => {
                "tool_calls"
            }
            (_, reason) => finish_reason(reason),
        }
    }
}

fn content(text: String) -> Option<ChatPiece> {
    (!text.is_empty()).then_some(ChatPiece::Content(text))
}

impl From<ToolPiece> for ChatPiece {
    fn from(piece: ToolPiece) -> Self {
        match piece {
            ToolPiece::Text(text) => Self::Content(text),
            ToolPiece::Call { index, name } => Self::Call { index, name },
            ToolPiece::Arguments { index, text } => Self::Arguments { index, text },
        }
    }
}
