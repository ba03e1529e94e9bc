//! The text of a chat's answer, read as what it means: thoughts, content, and calls of tools. Whole answers and
//! streams are read by the same reader, so that they say the same.

use std::hash::{DefaultHasher, Hash, Hasher};

use llm_apps::reasoning::{Opening, ReasoningParser, ReasoningPiece};
use llm_apps::stage::generate::FinishReason;
use llm_apps::tool_calls::{ToolCallParser, ToolFormat, ToolPiece, ToolSyntax, ToolUse};

use super::wording::finish_reason;

/// How the answers of one chat are read.
#[derive(Debug, Clone, Default)]
pub(crate) struct ChatReading {
    thoughts: Option<ReasoningParser>,
    /// Whether thoughts are left out.
    silent: bool,
    calls: Option<ToolCallParser>,
    short_ids: bool,
}

/// Reads one answer.
#[derive(Debug)]
pub(crate) struct ChatReader {
    thoughts: Option<ReasoningParser>,
    silent: bool,
    calls: Option<ToolCallParser>,
    /// Bytes read.
    read: usize,
    /// Where tokens begin, while that matters, and how many begin there.
    tokens: Vec<(usize, usize)>,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChatPiece {
    /// What was thought before.
    Reasoning(String),
    /// What is said.
    Content(String),
    /// The call of this number begins.
    Call { index: usize, name: String },
    /// Its arguments go on.
    Arguments { index: usize, text: String },
}

impl ChatReading {
    /// Of a model that writes calls in `syntax`.
    pub(crate) fn new(
        tools: Option<&ToolUse>,
        syntax: ToolSyntax,
        (opening, include): (Opening, bool),
    ) -> Self {
        let thinks = opening != Opening::Behind;
        Self {
            thoughts: thinks.then(|| ReasoningParser::new(opening)),
            silent: !include,
            calls: tools.map(|tools| ToolCallParser::new(syntax.format, tools)),
            short_ids: syntax.format == ToolFormat::Mistral,
        }
    }

    /// The reader of one answer.
    pub(crate) fn reader(&self) -> ChatReader {
        ChatReader {
            thoughts: self.thoughts.clone(),
            silent: self.silent,
            calls: self.calls.clone(),
            read: 0,
            tokens: Vec::new(),
        }
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
        self.calls.is_some() || self.thoughts.is_some()
    }

    /// What more of the text means, which so many tokens wrote.
    pub(crate) fn push(&mut self, text: &str, tokens: usize) -> Vec<ChatPiece> {
        let mut out = Vec::new();
        let Some(thoughts) = &mut self.thoughts else {
            self.content(text, &mut out);
            return out;
        };
        let mut pieces = Vec::new();
        thoughts.push(text, &mut pieces);
        self.tokens.push((self.read, tokens));
        self.read += text.len();
        self.take(pieces, &mut out);
        out
    }

    /// What was held back, when the text is complete.
    pub(crate) fn finish(&mut self) -> Vec<ChatPiece> {
        let mut out = Vec::new();
        if let Some(thoughts) = &mut self.thoughts {
            let mut pieces = Vec::new();
            thoughts.finish(&mut pieces);
            self.take(pieces, &mut out);
        }
        if let Some(calls) = &mut self.calls {
            let mut pieces = Vec::new();
            calls.finish(&mut pieces);
            out.extend(pieces.into_iter().map(ChatPiece::from));
        }
        out
    }

    /// Tokens of the thought, as far as it is known: those whose text begins in it, its tags included.
    pub(crate) fn reasoning_tokens(&self) -> u32 {
        let end = self.thoughts.as_ref().map_or(0, ReasoningParser::thought);
        let within = self.tokens.iter().filter(|(start, _)| *start < end);
        let count = within.map(|(_, tokens)| tokens).sum::<usize>();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    fn take(&mut self, pieces: Vec<ReasoningPiece>, out: &mut Vec<ChatPiece>) {
        for piece in pieces {
            match piece {
                ReasoningPiece::Content(text) => self.content(&text, out),
                ReasoningPiece::Reasoning(text) if !self.silent => {
                    out.push(ChatPiece::Reasoning(text));
                }
                ReasoningPiece::Reasoning(_) => {}
            }
        }
    }

    fn content(&mut self, text: &str, out: &mut Vec<ChatPiece>) {
        if let Some(calls) = &mut self.calls {
            let mut pieces = Vec::new();
            calls.push(text, &mut pieces);
            out.extend(pieces.into_iter().map(ChatPiece::from));
        } else if !text.is_empty() {
            out.push(ChatPiece::Content(text.to_owned()));
        }
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

impl From<ToolPiece> for ChatPiece {
    fn from(piece: ToolPiece) -> Self {
        match piece {
            ToolPiece::Text(text) => Self::Content(text),
            ToolPiece::Call { index, name } => Self::Call { index, name },
            ToolPiece::Arguments { index, text } => Self::Arguments { index, text },
        }
    }
}
