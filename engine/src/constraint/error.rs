//! What can be wrong with a grammar, and with keeping to one.

use thiserror::Error;

/// Why a grammar cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GrammarError {
    /// A JSON Schema has something that cannot be kept.
    #[error("{}{reason}", at(path))]
    Schema {
        /// Where in the schema, such as `properties.x.pattern`; empty for the whole.
        path: String,
        /// What is wrong there.
        reason: String,
    },
    /// A regular expression cannot be read, or kept.
    #[error("the regular expression cannot be used: {reason}")]
    Regex {
        /// What is wrong, and where.
        reason: String,
    },
    /// The list of texts to choose from.
    #[error("the list of choices cannot be used: {reason}")]
    Choice {
        /// What is wrong with it.
        reason: String,
    },
    /// A grammar cannot be read.
    #[error("the grammar cannot be used: {reason}")]
    Grammar {
        /// What is wrong, and where.
        reason: String,
    },
    /// It is larger than what is compiled.
    #[error("{what} may have {limit} {unit} at most, but has {size}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// What is counted.
        unit: &'static str,
        /// Its size.
        size: usize,
        /// The size allowed.
        limit: usize,
    },
    /// It was not compiled within the time allowed.
    #[error("the grammar is too complex: it was not compiled within {seconds} seconds")]
    TooSlow {
        /// The time allowed.
        seconds: u64,
    },
    /// The model's tokens cannot be held to a form.
    #[error("this model's answers cannot be held to a form: {reason}")]
    Vocabulary {
        /// Why not.
        reason: String,
    },
}

/// Why an answer could not be held to its form any further: its grammar needs more states than are
/// allowed, or llguidance failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct MaskError(pub(crate) String);

impl GrammarError {
    /// Where in a JSON Schema the fault is; empty for the whole grammar.
    pub fn path(&self) -> &str {
        match self {
            Self::Schema { path, .. } => path,
            Self::Regex { .. }
            | Self::Choice { .. }
            | Self::Grammar { .. }
            | Self::TooLarge { .. }
            | Self::TooSlow { .. }
            | Self::Vocabulary { .. } => "",
        }
    }
}

impl GrammarError {
    /// The field at fault, where `field` holds the grammar.
    pub fn param(&self, field: &str) -> String {
        match self.path() {
            "" => field.to_owned(),
            path => format!("{field}.{path}"),
        }
    }
}

fn at(path: &str) -> String {
    match path {
        "" => "the schema: ".to_owned(),
        path => format!("{path}: "),
    }
}

/// The first lines of a message of llguidance's as one line: it may go on with its own state.
pub(super) fn one_line(message: &str) -> String {
    const MOST: usize = 300;
    let said = message.split("\n<").next().unwrap_or(message);
    let words: Vec<&str> = said.split_whitespace().collect();
    let mut line = words.join(" ");
    if let Some((end, _)) = line.char_indices().nth(MOST) {
        line.truncate(end);
        line.push_str("...");
    }
    line
}
