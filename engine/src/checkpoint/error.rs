//! Why a small model cannot be opened, and why it has no answer.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why an encoder, a classifier or a translator cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EncoderError {
    /// A file cannot be read.
    #[error("{}: {why}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// A file is not what its name promises.
    #[error("{}: {why}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The files are of a kind that we do not run.
    #[error("{}: {what} is {found}, but only {known} can be run", path.display())]
    Unsupported {
        /// The file that says so.
        path: PathBuf,
        /// Which setting.
        what: &'static str,
        /// Its value.
        found: String,
        /// What can be run.
        known: &'static str,
    },
    /// A size or limit that cannot be used.
    #[error("{param} must be {expected}, but is {value}")]
    OutOfRange {
        /// The field of [`EncoderConfig`](crate::EncoderConfig) or
        /// [`TranslatorConfig`](crate::TranslatorConfig).
        param: &'static str,
        /// The range, in words.
        expected: &'static str,
        /// What was given.
        value: usize,
    },
    /// The system gave no thread.
    #[error("the model's thread cannot be started: {0}")]
    Thread(String),
}

/// Why texts were not encoded, classified or translated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// A text is too long to be looked at.
    #[error("text {index} has {bytes} bytes, but at most {limit} are encoded")]
    TooLong {
        /// Which of the texts.
        index: usize,
        /// Its size.
        bytes: usize,
        /// The largest size.
        limit: usize,
    },
    /// A text has more tokens than the model takes, and would have to be cut.
    #[error("the text has {tokens} tokens, but the model takes at most {limit}")]
    TooManyTokens {
        /// Its tokens, those that begin and end it included.
        tokens: usize,
        /// The most that the model takes.
        limit: usize,
    },
    /// A token id that the model does not have.
    #[error("{id} is no token of the model, which has {vocab_size}")]
    UnknownToken {
        /// The id.
        id: u32,
        /// How many tokens there are.
        vocab_size: usize,
    },
    /// The model failed on this batch.
    #[error("the model failed: {0}")]
    Failed(String),
    /// The model's thread has ended.
    #[error("the model is shutting down")]
    ShuttingDown,
}

impl EncoderError {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "errors and texts are given away here"
    )]
    pub(crate) fn corrupt(path: &Path, why: impl ToString) -> Self {
        Self::Corrupt {
            path: path.to_owned(),
            why: why.to_string(),
        }
    }

    /// A limit that must not be zero, and is.
    pub(crate) fn at_least_one(param: &'static str, value: usize) -> Result<(), Self> {
        if value > 0 {
            return Ok(());
        }
        Err(Self::OutOfRange {
            param,
            expected: "at least 1",
            value,
        })
    }
}
