//! Why something could not be kept or found.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// A failure of the store.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum StoreError {
    /// The server has no data folder.
    #[error(
        "this server has no folder to keep anything in; set `data_dir` in its configuration, or PENSTOCK_HOME"
    )]
    Off,
    /// Another process has the folder.
    #[error(
        "the data folder `{path}` is in use by another process; give each server its own `data_dir`",
        path = .0.display()
    )]
    InUse(PathBuf),
    /// There is no such thing.
    #[error("no such {kind}: `{id}`")]
    Missing {
        /// What was looked for.
        kind: &'static str,
        /// Its id, shortened.
        id: String,
    },
    /// It cannot be done as things stand.
    #[error("{0}")]
    Refused(String),
    /// The disk or the database failed.
    #[error("the data folder failed: {0}")]
    Failed(String),
}

/// Longest id that an error repeats, in characters.
const SHOWN: usize = 80;

impl StoreError {
    /// Nothing of this kind has this id.
    pub(crate) fn missing(kind: &'static str, id: &str) -> Self {
        let id = id.chars().take(SHOWN).collect();
        Self::Missing { kind, id }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(format!("a record is not what was written: {error}"))
    }
}

/// One conversion for each of redb's errors.
macro_rules! from_redb {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for StoreError {
            fn from(error: redb::$error) -> Self {
                Self::Failed(error.to_string())
            }
        })*
    };
}

from_redb!(CommitError, StorageError, TableError, TransactionError);
