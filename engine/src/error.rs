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
    /// What computed the answer is gone, and nothing else took it over in time.
    #[error("the replica that computed the answer was lost, and no other took over: {0}")]
    Lost(String),
    /// Replicas ended while they computed this request, one after the other: no further one is given it.
    #[error(
        "{replicas} replicas ended one after the other while they computed this request; it is not given to \
         another"
    )]
    Quarantined {
        /// How many it was.
        replicas: u32,
    },
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
            Self::Lost(_) => "lost",
            Self::Quarantined { .. } => "quarantined",
        }
    }

    /// Whether the same request may succeed later or on another replica.
    pub fn may_retry(&self) -> bool {
        match self {
            Self::Full { .. } | Self::ShuttingDown | Self::Lost(_) => true,
            Self::CacheTooSmall { .. }
            | Self::Model(_)
            | Self::Constraint(_)
            | Self::Quarantined { .. } => false,
        }
    }
}
