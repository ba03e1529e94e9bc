//! Why replicas cannot be had.

use thiserror::Error;

/// Why the replicas of a model did not start.
#[derive(Debug, Error)]
pub enum ReplicasError {
    /// One of them could not open the model, or ended.
    #[error("the replica {name} did not start: {why}")]
    Start {
        /// Which one.
        name: String,
        /// What it said, or how it ended.
        why: String,
    },
    /// The system has no thread for them.
    #[error("replicas cannot be started: {0}")]
    Thread(String),
}
