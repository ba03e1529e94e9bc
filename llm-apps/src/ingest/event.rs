//! What an ingestion tells while it runs, and what it did in the end.

use std::path::PathBuf;

/// Progress. The callback is called often, from the task of the ingestion, and should return at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IngestEvent {
    /// The paths were walked.
    Found {
        /// Files to read.
        files: usize,
    },
    /// A file's turn.
    File {
        /// The file.
        path: PathBuf,
        /// Chunks of it that are to be encoded.
        chunks: usize,
    },
    /// Chunks were stored.
    Stored {
        /// How many, since the last time.
        chunks: usize,
    },
    /// A file is done, well or not.
    FileDone,
}

/// What an ingestion did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Files that were read.
    pub files: usize,
    /// Files below the paths whose kind is not known.
    pub passed_over: usize,
    /// Chunks that were encoded and stored.
    pub added: usize,
    /// Chunks that were there, the same as now.
    pub kept: usize,
    /// Chunks that were there and are no more.
    pub removed: usize,
    /// What could not be read, with reasons.
    pub failed: Vec<Failure>,
}

/// What is wrong with one file, or one line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The file.
    pub path: PathBuf,
    /// The line, where one is at fault.
    pub line: Option<u32>,
    /// What is wrong with it.
    pub why: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path.display(), self.why),
            None => write!(f, "{}: {}", self.path.display(), self.why),
        }
    }
}
