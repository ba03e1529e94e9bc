//! What stands on every answer and on every chunk of one.

use serde::Serialize;

/// Id, time and model of an answer.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Head {
    /// Such as `chatcmpl-0f1e...`.
    pub(crate) id: String,
    /// Seconds since 1970.
    pub(crate) created: u64,
    /// The model's id, also where the request used an alias.
    pub(crate) model: String,
}

/// What seeds hold for: the same seed gives the same answer from the same version on the same
/// weights.
pub(crate) const SYSTEM_FINGERPRINT: &str = concat!("penstock-", env!("CARGO_PKG_VERSION"));
