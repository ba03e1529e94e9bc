//! [`Grammar`]: a form as it was asked for, proved as far as that goes without a model.

use std::sync::Arc;

use serde_json::{Value, json};

use super::error::GrammarError;
use super::gbnf;
use super::schema;

/// A form for answers. Equal grammars are compiled once. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Grammar {
    pub(super) kind: GrammarKind,
    /// What llguidance is given: a schema as JSON, or Lark.
    pub(super) source: Arc<str>,
}

/// How a grammar's source is read, and what errors speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GrammarKind {
    /// A JSON Schema.
    JsonSchema,
    /// A regular expression.
    Regex,
    /// One of some texts.
    Choice,
    /// Lark.
    Grammar,
}

/// Longest regular expression, in bytes.
const MAX_REGEX: usize = 16 << 10;
/// Longest grammar, in bytes.
const MAX_GRAMMAR: usize = 64 << 10;
/// Most choices, and bytes of all of them together.
const MAX_CHOICES: (usize, usize) = (1024, 64 << 10);

impl Grammar {
    /// JSON that `schema` describes. Unknown keywords are refused, so that nothing is promised that is
    /// not kept.
    ///
    /// # Errors
    /// [`GrammarError::Schema`] names the place and the keyword, [`GrammarError::TooLarge`] the limit.
    pub fn json_schema(schema: &Value) -> Result<Self, GrammarError> {
        let kept = schema::prove(schema)?;
        Ok(Self::new(GrammarKind::JsonSchema, &kept.to_string()))
    }

    /// Any JSON object.
    ///
    /// # Errors
    /// None; as [`json_schema`](Self::json_schema).
    pub fn json_object() -> Result<Self, GrammarError> {
        Self::json_schema(&json!({ "type": "object" }))
    }

    /// A text that `pattern` matches from its beginning to its end. `\d`, `\w` and `\s` are those of ASCII.
    ///
    /// # Errors
    /// [`GrammarError::TooLarge`]; whether it can be read turns out when it is compiled.
    pub fn regex(pattern: &str) -> Result<Self, GrammarError> {
        small("a regular expression", pattern.len(), MAX_REGEX)?;
        Ok(Self::new(GrammarKind::Regex, pattern))
    }

    /// One of `choices`.
    ///
    /// # Errors
    /// [`GrammarError::Choice`] when there is none or one is empty, [`GrammarError::TooLarge`].
    pub fn choice(choices: &[String]) -> Result<Self, GrammarError> {
        let refused = |reason: String| Err(GrammarError::Choice { reason });
        if choices.is_empty() {
            return refused("it is empty; at least one text is needed".to_owned());
        }
        if let Some(index) = choices.iter().position(String::is_empty) {
            return refused(format!("the text at {index} is empty"));
        }
        if choices.len() > MAX_CHOICES.0 {
            return Err(GrammarError::TooLarge {
                what: "a list of choices",
                unit: "entries",
                size: choices.len(),
                limit: MAX_CHOICES.0,
            });
        }
        let bytes = choices.iter().map(String::len).sum();
        small("a list of choices", bytes, MAX_CHOICES.1)?;
        // A string of Lark is written as one of JSON.
        let quoted: Vec<_> = choices.iter().map(|c| json!(c).to_string()).collect();
        let source = format!("start: {}", quoted.join(" | "));
        Ok(Self::new(GrammarKind::Choice, &source))
    }

    /// A text of the language that a grammar describes: Lark as llguidance reads it, or GBNF, which is
    /// told by its `::=`. The first has the rule `start`, the second `root`.
    ///
    /// # Errors
    /// [`GrammarError::Grammar`] when GBNF cannot be read, [`GrammarError::TooLarge`]; whether Lark can
    /// be read turns out when it is compiled.
    pub fn language(text: &str) -> Result<Self, GrammarError> {
        small("a grammar", text.len(), MAX_GRAMMAR)?;
        if gbnf::is_gbnf(text) {
            return Ok(Self::new(GrammarKind::Grammar, &gbnf::to_lark(text)?));
        }
        Ok(Self::new(GrammarKind::Grammar, text))
    }

    /// The grammar that has this [`kind`](Self::kind) and [`source`](Self::source): for what another
    /// process has proved. Whether it can be kept turns out when it is compiled.
    pub fn of_source(kind: GrammarKind, source: &str) -> Self {
        Self::new(kind, source)
    }

    /// How its source is read.
    pub fn kind(&self) -> GrammarKind {
        self.kind
    }

    /// What it was written as, rewritten as far as the compiler wants it.
    pub fn source(&self) -> &str {
        &self.source
    }

    pub(super) fn new(kind: GrammarKind, source: &str) -> Self {
        let source = source.into();
        Self { kind, source }
    }
}

fn small(what: &'static str, size: usize, limit: usize) -> Result<(), GrammarError> {
    if size <= limit {
        return Ok(());
    }
    Err(GrammarError::TooLarge {
        what,
        unit: "bytes",
        size,
        limit,
    })
}
