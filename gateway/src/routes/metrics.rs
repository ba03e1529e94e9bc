//! `GET /metrics`, in Prometheus' text format.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::state::SharedState;

/// Everything that is counted, as of now.
pub(super) async fn metrics(State(state): State<SharedState>) -> impl IntoResponse {
    let text = state.scrape();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
