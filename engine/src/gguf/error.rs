//! What can be wrong with a GGUF file.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::tensor::GgmlType;

/// Why a GGUF file could not be read. Offsets are bytes from the start of the file.
#[derive(Debug, Error)]
pub enum GgufError {
    /// The file could not be opened or mapped.
    #[error("cannot read {path:?}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The first four bytes are not the format's magic.
    #[error("not a GGUF file: it begins with \"{found}\", not with \"GGUF\"")]
    Magic {
        /// What stands there, printable.
        found: String,
    },
    /// The numbers are stored with the most significant byte first.
    #[error("big-endian GGUF is not supported; convert the file to little-endian")]
    BigEndian,
    /// A version of the format that this reader does not know.
    #[error("GGUF version {found} is not supported; versions 2 and 3 are")]
    Version {
        /// The file's version.
        found: u32,
    },
    /// The file ends before something that it announces.
    #[error(
        "truncated or corrupt: {what} at byte {offset} needs {needed} bytes, but {left} are left"
    )]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Where it begins.
        offset: usize,
        /// Bytes that it takes, at least.
        needed: u64,
        /// Bytes to the end of the file.
        left: usize,
    },
    /// A name is not text.
    #[error("corrupt: {what} at byte {offset} is not UTF-8")]
    Utf8 {
        /// What was being read.
        what: &'static str,
        /// Where it begins.
        offset: usize,
    },
    /// A metadata value is malformed, or is not what its reader wants.
    #[error("metadata {key:?}: {fault}")]
    Metadata {
        /// The key.
        key: String,
        /// What is wrong with it.
        fault: String,
    },
    /// A metadata value has another type than its reader wants.
    #[error("metadata {key:?} must be {expected}, but is {found}")]
    WrongType {
        /// The key.
        key: String,
        /// The type that is wanted.
        expected: &'static str,
        /// The type that the file has.
        found: String,
    },
    /// A key that is needed is not there.
    #[error("metadata {key:?} is missing")]
    MissingKey {
        /// The key.
        key: String,
    },
    /// A tensor's description is malformed.
    #[error("tensor {name:?}: {fault}")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong with it.
        fault: String,
    },
    /// A tensor is stored in a way that nothing here reads.
    #[error(
        "tensor {name:?} is stored as {found}, which is not supported; supported are {supported}"
    )]
    TensorType {
        /// Its name.
        name: String,
        /// How it is stored, by its name where that is known.
        found: String,
        /// What is supported.
        supported: String,
    },
    /// A tensor that is needed is not there.
    #[error("tensor {name:?} is missing")]
    MissingTensor {
        /// Its name.
        name: String,
    },
}

impl GgufError {
    pub(super) fn metadata(key: &str, fault: impl Into<String>) -> Self {
        Self::Metadata {
            key: shorten(key),
            fault: fault.into(),
        }
    }

    pub(super) fn tensor_type(name: &str, found: String) -> Self {
        Self::TensorType {
            name: shorten(name),
            found,
            supported: GgmlType::COMPUTED.map(|t| format!("{t:?}")).join(", "),
        }
    }

    pub(super) fn tensor(name: &str, fault: impl Into<String>) -> Self {
        Self::Tensor {
            name: shorten(name),
            fault: fault.into(),
        }
    }
}

/// Names come from the file: a message shows the beginning of a very long one.
pub(super) fn shorten(name: &str) -> String {
    match name.char_indices().nth(100) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name.to_owned(),
    }
}
