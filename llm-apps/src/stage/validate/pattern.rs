//! Patterns, compiled to automata that can be followed byte by byte.

use std::error::Error as _;
use std::fmt;
use std::sync::Arc;

use regex_automata::nfa::thompson::{NFA, WhichCaptures};
use regex_automata::util::syntax;
use thiserror::Error;

/// Content that must not occur: texts and regular expressions. Cheap to clone.
#[derive(Clone)]
pub struct Forbidden {
    written: Arc<[String]>,
    pub(super) automaton: NFA,
}

/// A regular expression that an answer must match. It is looked for anywhere; `^` and `$` hold it to the
/// whole. Cheap to clone.
#[derive(Clone)]
pub struct Pattern {
    written: Arc<str>,
    pub(super) automaton: NFA,
}

/// Why patterns cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatternError {
    /// One is no regular expression.
    #[error("`{written}` is no regular expression: {reason}")]
    Syntax {
        /// The pattern.
        written: String,
        /// What is wrong.
        reason: String,
    },
    /// One matches the empty text, which is everywhere.
    #[error("`{0}` matches the empty text, which every answer contains")]
    Empty(String),
    /// Together they are too large.
    #[error("the patterns need more than {} KiB together; use fewer or simpler ones", MAX_AUTOMATON >> 10)]
    TooLarge,
}

/// Memory of an automaton, in bytes. The time to follow it is bounded by its size.
const MAX_AUTOMATON: usize = 1 << 20;

impl Forbidden {
    /// Forbids `texts`, in whatever case, and matches of `patterns`, as they are written (`(?i)` ignores
    /// case).
    ///
    /// # Errors
    /// [`PatternError`] for the first that cannot be used.
    pub fn new(texts: &[String], patterns: &[String]) -> Result<Self, PatternError> {
        let text = |text: &String| (text.clone(), format!("(?i:{})", escaped(text)));
        let pattern = |pattern: &String| (pattern.clone(), pattern.clone());
        let all: Vec<_> = texts
            .iter()
            .map(text)
            .chain(patterns.iter().map(pattern))
            .collect();
        for (written, expression) in &all {
            if compile(&[expression.as_str()], written)?.has_empty() {
                return Err(PatternError::Empty(written.clone()));
            }
        }
        let expressions: Vec<_> = all
            .iter()
            .map(|(_, expression)| expression.as_str())
            .collect();
        Ok(Self {
            automaton: compile(&expressions, "")?,
            written: all.into_iter().map(|(written, _)| written).collect(),
        })
    }

    /// One of them as it was written.
    pub(super) fn written(&self, index: usize) -> &str {
        self.written.get(index).map_or("", String::as_str)
    }
}

impl Pattern {
    /// Compiles a regular expression.
    ///
    /// # Errors
    /// [`PatternError`] when it is none, or too large a one.
    pub fn new(written: &str) -> Result<Self, PatternError> {
        Ok(Self {
            written: written.into(),
            automaton: compile(&[written], written)?,
        })
    }

    /// The expression.
    pub(super) fn written(&self) -> &str {
        &self.written
    }
}

fn compile(expressions: &[&str], written: &str) -> Result<NFA, PatternError> {
    let config = NFA::config()
        .nfa_size_limit(Some(MAX_AUTOMATON))
        .which_captures(WhichCaptures::None);
    let built = NFA::compiler()
        .configure(config)
        .syntax(syntax::Config::new().nest_limit(100))
        .build_many(expressions);
    built.map_err(|error| {
        if error.size_limit().is_some() {
            return PatternError::TooLarge;
        }
        // The parser draws the pattern; its last line says what is wrong.
        let cause = error.source();
        let cause = cause.map_or_else(|| error.to_string(), ToString::to_string);
        let reason = cause.lines().last().unwrap_or_default();
        PatternError::Syntax {
            written: written.to_owned(),
            reason: reason.trim_start_matches("error: ").to_owned(),
        }
    })
}

/// A text as a pattern that matches it and nothing else.
fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        // `\<` and `\>` are the edges of words.
        if c.is_ascii_punctuation() && !matches!(c, '<' | '>') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

impl PartialEq for Forbidden {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl fmt::Debug for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Forbidden").field(&self.written).finish()
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.written).finish()
    }
}
