//! Who may give orders.

use std::fmt;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::header::{AUTHORIZATION, ORIGIN};
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest, Sha256};

use crate::error::ApiError;

/// What guards the administrators' socket.
#[derive(Clone, Default)]
pub struct AdminConfig {
    /// What callers must send as `Authorization: Bearer KEY`; nothing without one.
    pub api_key: Option<Arc<str>>,
}

impl fmt::Debug for AdminConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let guarded = self.api_key.is_some();
        f.debug_struct("AdminConfig")
            .field("guarded", &guarded)
            .finish()
    }
}

/// Lets pass who has the key. Browsers say which page sends a change (`Origin`); programs do not.
pub(super) async fn guard(
    State(config): State<AdminConfig>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let headers = request.headers();
    if request.method() != Method::GET && headers.contains_key(ORIGIN) {
        return Err(ApiError::Forbidden(
            "the administrators' API takes no orders from web pages",
        ));
    }
    if let Some(key) = &config.api_key {
        let sent = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
        let sent = sent.and_then(|value| value.strip_prefix(b"Bearer "));
        // Digests, so that the time of comparing says nothing about the key.
        let digest = |bytes: &[u8]| Sha256::digest(bytes);
        if sent.map(digest) != Some(digest(key.as_bytes())) {
            return Err(ApiError::Forbidden(
                "the administrators' API needs its key as `Authorization: Bearer KEY`",
            ));
        }
    }
    Ok(next.run(request).await)
}
