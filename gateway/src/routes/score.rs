//! `POST /v1/score`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use crate::admission::Guarded;
use crate::error::ApiError;
use crate::http::{JsonBody, Terms};
use crate::openai::{Scores, score_request};
use crate::small_models::{Pairs, carry_out, relevance};
use crate::state::SharedState;
use crate::telemetry::SmallOperation;

/// How well pairs of texts belong together.
pub(super) async fn create(
    State(state): State<SharedState>,
    terms: Terms,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let when = (Instant::now(), terms.deadline());
    let request = score_request(&body, state.rules())?;
    drop(body);
    state.telemetry().unknown_fields(request.unknown_fields);
    let served = state.small_model(&request.model)?;
    let pairs = Pairs {
        left: request.text_1,
        right: request.text_2,
        fields: ("text_1", "text_2"),
        overlong: request.overlong,
        asks: false,
    };
    let work = relevance(&served, pairs, state.config().retry_after);
    let done = carry_out(&state, &served, SmallOperation::Score, when, work).await?;
    let head = state.head("score-", served.name());
    let response = Json(Scores::new(head, done.value, done.tokens)).into_response();
    Ok(response.map(|body| Guarded::body(body, done.permit)))
}
