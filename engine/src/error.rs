//! What can go wrong with a request after it was accepted, or at the engine's door.

use thiserror::Error;

/// Why the engine did not, or could not, finish a request.
///
/// Every accepted request ends in exactly one terminal event (E5); an error is one of them.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EngineError {
    /// The engine already holds as many requests as its configuration allows. Retrying later may
    /// succeed.
    #[error("the engine is full: it may hold {limit} queued and running requests")]
    Full {
        /// `max_requests` of the configuration.
        limit: usize,
    },
    /// The engine is stopping, or its thread is gone. Another engine may take the request.
    #[error("the engine is shutting down")]
    ShuttingDown,
    /// The sequence needs more KV blocks than the whole cache has. No retry can help.
    #[error("the sequence needs {needed} KV cache blocks and the cache has {total}")]
    CacheTooSmall {
        /// Blocks that the sequence needs at its present length.
        needed: usize,
        /// Blocks of the cache.
        total: usize,
    },
    /// The model's computation failed.
    #[error("the model failed: {0}")]
    Model(String),
    /// The answer could not be held to its form any further. The others go on.
    #[error("the answer could not be held to its form: {0}")]
    Constraint(String),
}

impl EngineError {
    /// A stable name for metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Full { .. } => "full",
            Self::ShuttingDown => "shutting_down",
            Self::CacheTooSmall { .. } => "cache_too_small",
            Self::Model(_) => "model",
            Self::Constraint(_) => "constraint",
        }
    }

    /// Whether the same request may succeed later or on another replica.
    pub fn may_retry(&self) -> bool {
        match self {
            Self::Full { .. } | Self::ShuttingDown => true,
            Self::CacheTooSmall { .. } | Self::Model(_) | Self::Constraint(_) => false,
        }
    }
}
