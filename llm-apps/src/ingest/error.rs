//! What ends an ingestion as a whole; what is wrong with one file is a
//! [`Failure`](super::Failure) of the summary.

use std::path::PathBuf;

use thiserror::Error;

use crate::vector::VectorError;

/// Why an ingestion ended before it was done. What was stored until then stays.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IngestError {
    /// A path that was named is not there or cannot be read.
    #[error("{}: {why}", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// There are more files than may be.
    #[error("there are more than {limit} files below the paths; name fewer")]
    TooManyFiles {
        /// Files at most.
        limit: usize,
    },
    /// The options do not fit together.
    #[error("{0}")]
    Options(String),
    /// The encoder failed.
    #[error("the chunks of {path} cannot be encoded: {why}", path = path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// What the encoder says.
        why: String,
    },
    /// The runtime ended while the paths were walked.
    #[error("the walk over the paths was cut off")]
    Interrupted,
    /// The collection failed.
    #[error(transparent)]
    Collection(#[from] VectorError),
}
