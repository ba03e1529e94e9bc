//! Why a collection did not do what it was asked.

use std::path::PathBuf;

use thiserror::Error;

/// Failures of a collection.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VectorError {
    /// Another process, or another part of this one, has the collection open.
    #[error(
        "{}: the collection is open elsewhere; stop the other process, or let one server hold it",
        folder.display()
    )]
    InUse {
        /// The collection's folder.
        folder: PathBuf,
    },
    /// The folder cannot be read or written.
    #[error("{}: the collection cannot be opened: {why}", folder.display())]
    Open {
        /// The collection's folder.
        folder: PathBuf,
        /// What the system said.
        why: String,
    },
    /// The file was written by another version.
    #[error(
        "{}: the collection has format {found}, but this program reads format {expected}; ingest \
         into a new folder",
        folder.display()
    )]
    Format {
        /// The collection's folder.
        folder: PathBuf,
        /// What the file says.
        found: u32,
        /// What we write.
        expected: u32,
    },
    /// What was read is not what was written.
    #[error("{}: the collection is damaged: {what}; ingest into a new folder", folder.display())]
    Corrupt {
        /// The collection's folder.
        folder: PathBuf,
        /// Where the damage shows.
        what: String,
    },
    /// The collection belongs to another encoder.
    #[error(
        "collection {collection} was made with {made}, but {asked} is asked for; vectors of two \
         encoders cannot be compared, so ingest into a new collection"
    )]
    Encoder {
        /// The collection.
        collection: String,
        /// The encoder in the collection, with its dimension.
        made: String,
        /// The encoder of the configuration, with its dimension.
        asked: String,
    },
    /// A point cannot be stored.
    #[error("point {id:?}: {why}")]
    Point {
        /// The point's id.
        id: String,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// A filter cannot be applied.
    #[error("the filter is not valid: {why}")]
    Filter {
        /// What is wrong, and what would be right.
        why: String,
    },
    /// A search or scroll cannot be done.
    #[error("{why}")]
    Request {
        /// What is wrong, and what would be right.
        why: String,
    },
    /// The collection holds all that it may.
    #[error(
        "{}: the collection is full: it may hold {limit} points (`max_points`)",
        folder.display()
    )]
    Full {
        /// The collection's folder.
        folder: PathBuf,
        /// Points at most.
        limit: usize,
    },
    /// The disk failed while the collection was in use.
    #[error("{}: the collection cannot be read or written: {why}", folder.display())]
    Storage {
        /// The collection's folder.
        folder: PathBuf,
        /// What the system said.
        why: String,
    },
    /// A Qdrant server refused or did not answer.
    #[error("collection {collection} on {url}: {why}")]
    Remote {
        /// The collection.
        collection: String,
        /// The server.
        url: String,
        /// What it said.
        why: String,
        /// Whether the same call may succeed later.
        transient: bool,
    },
    /// The runtime ended, or the work panicked, before there was an answer.
    #[error("the collection's work was cut off: {why}")]
    Interrupted {
        /// What happened.
        why: String,
    },
}

impl VectorError {
    /// Whether the same call may succeed when it is made again.
    pub fn may_retry(&self) -> bool {
        match self {
            Self::Remote { transient, .. } => *transient,
            Self::InUse { .. } | Self::Interrupted { .. } => true,
            Self::Open { .. }
            | Self::Format { .. }
            | Self::Corrupt { .. }
            | Self::Encoder { .. }
            | Self::Point { .. }
            | Self::Filter { .. }
            | Self::Request { .. }
            | Self::Full { .. }
            | Self::Storage { .. } => false,
        }
    }
}
