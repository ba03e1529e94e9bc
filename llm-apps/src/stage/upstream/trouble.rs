//! Why a try came to nothing.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use thiserror::Error;

use crate::stage::StageError;

/// What kept a provider from answering.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Trouble {
    /// It may pass: no connection, silence, too much load, a broken stream.
    #[error("{message}")]
    Passing {
        /// What happened.
        message: String,
        /// When the provider wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The provider is out of reach for a longer time: what is paid for is used up.
    #[error("{0}")]
    Exhausted(String),
    /// The request is not one that the provider takes.
    #[error("{message}")]
    Invalid {
        /// What it says.
        message: String,
        /// The field that it names.
        param: Option<String>,
    },
    /// The provider declines to answer.
    #[error("{0}")]
    Filtered(String),
    /// A fault of the configuration, or of the provider.
    #[error("{0}")]
    Failed(String),
}

/// Where the transport writes down what the API's client, which hands on texts only, would lose.
#[derive(Debug, Clone, Default)]
pub(super) struct Note(Arc<Mutex<Option<Trouble>>>);

impl Trouble {
    /// One that may pass at once.
    pub(super) fn passing(message: impl Into<String>) -> Self {
        Self::Passing {
            message: message.into(),
            retry_after: None,
        }
    }
}

impl From<Trouble> for StageError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Passing { message, .. } | Trouble::Exhausted(message) => {
                Self::Unavailable(message)
            }
            Trouble::Invalid { message, param } => Self::Invalid { message, param },
            Trouble::Filtered(message) => Self::Refused {
                code: "content_filter".to_owned(),
                message,
            },
            Trouble::Failed(message) => Self::Failed(message),
        }
    }
}

impl Note {
    /// Keeps the first trouble; what follows is its consequence.
    pub(super) fn write(&self, trouble: Trouble) {
        self.0.lock().get_or_insert(trouble);
    }

    /// What was written.
    pub(super) fn take(&self) -> Option<Trouble> {
        self.0.lock().take()
    }
}
