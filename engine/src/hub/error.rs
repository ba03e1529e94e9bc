//! What can go wrong between a reference and a file on disk.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a model's files are not there.
#[derive(Debug, Error)]
pub enum HubError {
    /// A path that does not exist.
    #[error("there is no model at `{path}`{hint}", path = path.display())]
    NoSuchPath {
        /// The path as it was given.
        path: PathBuf,
        /// What may have been meant, or nothing.
        hint: String,
    },
    /// A name that the catalogue does not have.
    #[error("`{name}` is not in the model catalogue{hint} (it has, the most alike first: {known})")]
    UnknownName {
        /// The name as it was given.
        name: String,
        /// What may have been meant, or nothing.
        hint: String,
        /// The catalogue's names, the most alike first.
        known: String,
    },
    /// The model is not in the cache and must not, or cannot, be fetched.
    #[error("`{name}` is not in the cache at `{cache}`, and {why}", cache = cache.display())]
    NotCached {
        /// The model.
        name: String,
        /// Root of the store.
        cache: PathBuf,
        /// Why nothing is fetched.
        why: &'static str,
    },
    /// Every source was tried.
    #[error("no source of `{name}` could be used:{}", list(failures))]
    NoSource {
        /// The model.
        name: String,
        /// Each source with the reason, in the order in which they were tried.
        failures: Vec<SourceFailure>,
    },
    /// The cache on disk cannot be read or written.
    #[error("cannot {action} `{path}`", path = path.display())]
    Store {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// One source that could not be used.
#[derive(Debug)]
pub struct SourceFailure {
    /// The source, as the catalogue spells it.
    pub source: String,
    /// Why not.
    pub error: SourceError,
}

/// Why one source could not be used.
#[derive(Debug, Error)]
pub enum SourceError {
    /// Nothing came for as long as the options allow.
    #[error("no progress for {seconds} s while {doing}", seconds = limit.as_secs_f32())]
    Stalled {
        /// The limit.
        limit: std::time::Duration,
        /// What was waited for.
        doing: String,
    },
    /// The hub, or the way to it, answered with an error.
    #[error("{0}")]
    Hub(String),
    /// The hub has the repository, but not what was asked of it.
    #[error("{0}")]
    Content(String),
    /// A file is not the one that was meant.
    #[error("`{file}` is not the expected file: {what} should be {expected}, but is {found}")]
    WrongFile {
        /// The file, relative to the source.
        file: String,
        /// `its SHA-256` or `its size`.
        what: &'static str,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// Python or its pip failed.
    #[error("{0}")]
    Pip(String),
    /// A file of the cache could not be written.
    #[error("cannot {action} `{path}`: {source}", path = path.display())]
    Disk {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// Makes a [`HubError::Store`] of an I/O error.
pub(super) fn store_error(
    action: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> HubError {
    let path = path.into();
    move |source| HubError::Store {
        action,
        path,
        source,
    }
}

/// Makes a [`SourceError::Disk`] of an I/O error.
#[cfg(feature = "hub")]
pub(super) fn disk_error(
    action: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> SourceError {
    let path = path.into();
    move |source| SourceError::Disk {
        action,
        path,
        source,
    }
}

impl fmt::Display for SourceFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.error)
    }
}

/// One line for each failure, so that a terminal shows them below each other.
fn list(failures: &[SourceFailure]) -> String {
    failures
        .iter()
        .map(|failure| format!("\n  - {failure}"))
        .collect()
}
