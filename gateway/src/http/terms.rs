//! What a request's headers say of the request itself: who it is, until when its answer matters, which
//! session it belongs to, and which of a replica's models it needs.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::HeaderName;
use axum::http::request::Parts;
use llm_apps::stage::Call;
use tokio::time::{Instant, sleep_until};

use super::request_id::RequestId;
use crate::error::ApiError;
use crate::state::SharedState;

/// Seconds after which the client wants no answer any more.
pub(crate) const X_REQUEST_TIMEOUT: &str = "x-request-timeout-seconds";
/// Requests with the same value are one session.
pub(crate) const X_SESSION_ID: &str = "x-session-id";

/// Which of the models that replicas hold a request needs; Ray Serve's name.
pub(crate) const MULTIPLEXED_MODEL: &str = "serve_multiplexed_model_id";

/// Longest id of a session or a model: routers remember it.
const MAX_ID: usize = 256;

/// The terms of one request.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    id: Arc<str>,
    session: Option<Arc<str>>,
    model: Option<Arc<str>>,
    deadline: Option<Deadline>,
}

/// When a request is given up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    /// How long that was when it arrived.
    limit: Duration,
}

impl Terms {
    /// Terms of a request that arrives now: of the server's own limit and the client's, the smaller
    /// holds.
    pub(crate) fn new(
        id: Arc<str>,
        session: Option<Arc<str>>,
        limits: impl IntoIterator<Item = Duration>,
    ) -> Self {
        let limit = limits.into_iter().min();
        let deadline = limit.and_then(|limit| {
            let at = Instant::now().checked_add(limit)?;
            Some(Deadline { at, limit })
        });
        Self {
            id,
            session,
            model: None,
            deadline,
        }
    }

    /// When it is given up, if ever.
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// The request as stages know it.
    pub(crate) fn call(&self) -> Call {
        let mut call = Call::new(Arc::clone(&self.id));
        if let Some(session) = &self.session {
            call = call.with_session(Arc::clone(session));
        }
        if let Some(model) = &self.model {
            call = call.with_model(Arc::clone(model));
        }
        if let Some(deadline) = self.deadline {
            call = call.with_deadline(deadline.at);
        }
        call
    }
}

impl Deadline {
    /// Ends when the request is given up, with what its client is told.
    pub(crate) fn passed(self) -> impl Future<Output = ApiError> + Send + 'static {
        let Self { at, limit } = self;
        async move {
            sleep_until(at).await;
            ApiError::TimedOut(format!("the request was not answered within {limit:?}"))
        }
    }
}

impl FromRequestParts<SharedState> for Terms {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &SharedState) -> Result<Self, ApiError> {
        let id = parts.extensions.get::<RequestId>();
        let id = id.map_or_else(|| "".into(), |RequestId(id)| Arc::clone(id));
        let header = |name: &'static str| {
            let value = parts.headers.get(HeaderName::from_static(name));
            value.map(|value| value.to_str().unwrap_or_default().trim())
        };
        let own = header(X_REQUEST_TIMEOUT).map(timeout).transpose()?;
        let named = |name| header(name).map(|text| id_of(name, text)).transpose();
        let (session, model) = (named(X_SESSION_ID)?, named(MULTIPLEXED_MODEL)?);
        let limits = own.into_iter().chain(state.config().request_timeout);
        Ok(Self {
            model,
            ..Self::new(id, session, limits)
        })
    }
}

fn timeout(text: &str) -> Result<Duration, ApiError> {
    let seconds = text.parse().ok().filter(|seconds: &f64| *seconds > 0.0);
    let timeout = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    timeout.filter(|timeout| !timeout.is_zero()).ok_or_else(|| {
        let message = format!("the header {X_REQUEST_TIMEOUT} must be a number of seconds above 0");
        ApiError::invalid(X_REQUEST_TIMEOUT, message)
    })
}

/// A session's or a model's id.
pub(crate) fn id_of(name: &str, text: &str) -> Result<Arc<str>, ApiError> {
    if (1..=MAX_ID).contains(&text.len()) {
        return Ok(text.into());
    }
    let message = format!("the header {name} must be 1 to {MAX_ID} visible ASCII characters");
    Err(ApiError::invalid(name, message))
}
