//! What happens around every request: it is counted, it is waited for on shutdown, and while the
//! server drains it is refused.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::admission::Guarded;
use crate::error::ApiError;
use crate::state::SharedState;

/// Counts the answer, and keeps shutdown waiting until its body has gone.
pub(super) async fn observe(
    State(state): State<SharedState>,
    request: Request,
    next: Next,
) -> Response {
    let token = state.lifecycle().request();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map(MatchedPath::as_str);
    state.telemetry().answered(route, response.status());
    response.map(|body| Guarded::body(body, token))
}

/// New work is refused once draining has begun; probes and metrics go on.
pub(super) async fn refuse_when_draining(
    State(state): State<SharedState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if state.lifecycle().is_draining() {
        return Err(state.stopping(true));
    }
    Ok(next.run(request).await)
}
