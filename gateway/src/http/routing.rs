//! What a client says for routers: its session, and which of a replica's models it needs.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use llm_apps::stage::Call;

/// Requests of one session go to one replica, where the deployment's router is `session`.
const SESSION: HeaderName = HeaderName::from_static("x-session-id");
/// Ray Serve's name of the header.
const MODEL: HeaderName = HeaderName::from_static("serve_multiplexed_model_id");

/// Longest value that is heeded: it is kept as long as its request lives.
const MAX_LEN: usize = 256;

/// The headers of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct RoutingHeaders {
    session: Option<String>,
    model: Option<String>,
}

impl RoutingHeaders {
    /// What of `headers` is visible ASCII and not too long.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let value = |name| {
            let value = headers.get(name)?.to_str().ok()?;
            (1..=MAX_LEN)
                .contains(&value.len())
                .then(|| value.to_owned())
        };
        Self {
            session: value(SESSION),
            model: value(MODEL),
        }
    }

    /// Tells a request's call.
    pub(crate) fn tell(self, call: Call) -> Call {
        let call = match self.session {
            Some(session) => call.with_session(session),
            None => call,
        };
        match self.model {
            Some(model) => call.with_model(model),
            None => call,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for RoutingHeaders {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}
