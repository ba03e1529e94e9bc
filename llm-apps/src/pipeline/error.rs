//! Why a request did not come through.

use thiserror::Error;

use crate::stage::{CallError, StageError};
use crate::template::ConditionError;

/// Why a pipeline gave no answer.
#[derive(Debug, Error)]
pub enum PipelineError {
    /// A stage did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A condition cannot be decided.
    #[error(transparent)]
    Condition(#[from] ConditionError),
    /// An answer broke while a later step waited for its end.
    #[error("an answer could not be completed: {0}")]
    Answer(StageError),
}

impl PipelineError {
    /// Whether the same request may succeed later.
    pub fn may_retry(&self) -> bool {
        match self {
            Self::Call(error) => error.may_retry(),
            Self::Answer(error) => error.may_retry(),
            Self::Condition(_) => false,
        }
    }
}
