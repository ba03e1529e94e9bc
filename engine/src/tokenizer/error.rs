//! Why a tokenizer could not be built or used.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::gguf::GgufError;

/// What is wrong with a model's tokenizer, or with a text for it.
#[derive(Debug, Error)]
pub enum TokenizerError {
    /// The model's folder has no tokenizer.
    #[error(
        "no tokenizer: {} does not exist; the model's folder needs the `tokenizer.json` that is \
         published with it, or the model must be a GGUF file",
        path.display()
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A file is there and could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is not what its name says.
    #[error("{file} is corrupt: {reason}")]
    Corrupt {
        /// The file's name.
        file: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The GGUF file's metadata could not be read.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// A metadata key that this kind of tokenizer needs is missing.
    #[error("the file has no `{key}`, which {needed_by}")]
    MissingKey {
        /// The key.
        key: &'static str,
        /// What cannot be done without it.
        needed_by: &'static str,
    },
    /// A metadata key has a value that cannot be right.
    #[error("`{key}` is {value}, but must be {expected}")]
    BadValue {
        /// The key, with the element's index when it is an array.
        key: String,
        /// What was found.
        value: String,
        /// What would be right.
        expected: String,
    },
    /// Two ids have one text.
    #[error("`tokenizer.ggml.tokens` has {token:?} twice, as ids {first} and {second}")]
    DuplicateToken {
        /// The text.
        token: String,
        /// Its first id.
        first: usize,
        /// Its second id.
        second: usize,
    },
    /// A merge is not two tokens that make a third.
    #[error("`tokenizer.ggml.merges`[{index}] is {merge:?}: {reason}")]
    BadMerge {
        /// Its place in the list.
        index: usize,
        /// The merge as the file has it.
        merge: String,
        /// What is wrong.
        reason: String,
    },
    /// A kind of tokenizer that is not supported.
    #[error("`{key}` is `{value}`, which is not supported; supported are {supported}")]
    Unsupported {
        /// Where the kind is named.
        key: &'static str,
        /// What it names.
        value: String,
        /// What could be there.
        supported: String,
    },
    /// The tokenizer's parts do not fit together.
    #[error("the tokenizer cannot be built: {reason}")]
    Build {
        /// Why.
        reason: String,
    },
    /// A text could not be encoded.
    #[error("the text cannot be tokenized: {reason}")]
    Encode {
        /// Why.
        reason: String,
    },
}
