//! Why a stage gave no answer, and why a call of a deployment gave none.

use std::sync::Arc;

use engine::EncodeError;
use thiserror::Error;

use super::generate::GenerateError;

/// Why a stage cannot answer.
#[derive(Debug, Error)]
pub enum StageError {
    /// The request is wrong; sending it again cannot help.
    #[error("{message}")]
    Invalid {
        /// What is wrong and what would be right.
        message: String,
        /// The field or variable at fault.
        param: Option<String>,
    },
    /// The application declines to answer: a rule of its own, not a failure.
    #[error("{message}")]
    Refused {
        /// A stable name of the rule.
        code: String,
        /// What the client is told.
        message: String,
    },
    /// What the stage depends on is not there at this moment; the same request may succeed later.
    #[error("{0}")]
    Unavailable(String),
    /// A defect of the stage, or of what it depends on.
    #[error("{0}")]
    Failed(String),
    /// The model did not take the request.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// A deployment that the stage called gave no answer.
    #[error(transparent)]
    Call(Box<CallError>),
}

/// Why a call of a deployment has no answer.
#[derive(Debug, Error)]
pub enum CallError {
    /// As many requests wait as may wait.
    #[error(
        "the deployment `{deployment}` has {limit} requests waiting already, its `max_queued_requests`"
    )]
    QueueFull {
        /// The deployment.
        deployment: Arc<str>,
        /// Its limit.
        limit: usize,
    },
    /// It has no replicas and will have none: it failed to deploy, or it is going away.
    #[error("the deployment `{deployment}` does not serve: {reason}")]
    Unavailable {
        /// The deployment.
        deployment: Arc<str>,
        /// Why.
        reason: Arc<str>,
    },
    /// The request's time was up.
    #[error("the deployment `{deployment}` did not answer before the request's deadline")]
    DeadlineExceeded {
        /// The deployment.
        deployment: Arc<str>,
    },
    /// The stage ran and could not answer.
    #[error("the stage `{deployment}` failed: {error}")]
    Stage {
        /// The deployment.
        deployment: Arc<str>,
        /// What it says.
        error: StageError,
    },
}

impl StageError {
    /// A request that is wrong, with no field to blame.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid {
            message: message.into(),
            param: None,
        }
    }

    /// A defect.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// Whether the same request may succeed later or at another replica.
    pub fn may_retry(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Generate(error) => error.may_retry(),
            Self::Call(error) => error.may_retry(),
            Self::Invalid { .. } | Self::Refused { .. } | Self::Failed(_) => false,
        }
    }
}

impl From<EncodeError> for StageError {
    fn from(error: EncodeError) -> Self {
        let message = error.to_string();
        match error {
            EncodeError::TooLong { .. }
            | EncodeError::TooManyTokens { .. }
            | EncodeError::UnknownToken { .. } => Self::invalid(message),
            EncodeError::ShuttingDown => Self::Unavailable(message),
            EncodeError::Failed(_) => Self::Failed(message),
        }
    }
}

impl From<CallError> for StageError {
    fn from(error: CallError) -> Self {
        Self::Call(Box::new(error))
    }
}

impl CallError {
    /// The deployment that was called.
    pub fn deployment(&self) -> &str {
        match self {
            Self::QueueFull { deployment, .. }
            | Self::Unavailable { deployment, .. }
            | Self::DeadlineExceeded { deployment }
            | Self::Stage { deployment, .. } => deployment,
        }
    }

    /// Whether the same request may succeed later.
    pub fn may_retry(&self) -> bool {
        match self {
            Self::QueueFull { .. } | Self::Unavailable { .. } => true,
            Self::DeadlineExceeded { .. } => false,
            Self::Stage { error, .. } => error.may_retry(),
        }
    }

    /// The innermost stage's own error, through all deployments that called each other.
    pub fn root(&self) -> Option<&StageError> {
        let Self::Stage { error, .. } = self else {
            return None;
        };
        if let StageError::Call(inner) = error {
            return inner.root().or(Some(error));
        }
        Some(error)
    }
}
