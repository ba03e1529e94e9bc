//! Why a configuration is not deployed.

use llm_apps::spec::Faults;
use thiserror::Error;

use crate::catalogue::ModelsError;

/// A configuration that was refused; nothing has changed.
#[derive(Debug, Error)]
pub enum DeployError {
    /// It is wrong.
    #[error(transparent)]
    Faults(#[from] Faults),
    /// It changes what a running server cannot change.
    #[error(
        "{} cannot change while the server runs; leave it as it is, or restart the server",
        keys.join(", ")
    )]
    Fixed {
        /// The keys at fault.
        keys: Vec<&'static str>,
    },
    /// The server's own models are not there yet, or it is going away.
    #[error("the server {0}; try again later")]
    NotNow(&'static str),
}

/// Why a server's first configuration cannot be served.
#[derive(Debug, Error)]
pub enum StartError {
    /// Something cannot be opened.
    #[error(transparent)]
    Open(#[from] anyhow::Error),
    /// Names clash.
    #[error(transparent)]
    Models(#[from] ModelsError),
}
