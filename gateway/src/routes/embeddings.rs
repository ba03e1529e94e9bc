//! `POST /v1/embeddings`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use crate::admission::Guarded;
use crate::error::ApiError;
use crate::http::{JsonBody, Terms};
use crate::openai::{Embeddings, embedding_request};
use crate::small_models::{SmallModel, carry_out, embedded};
use crate::state::SharedState;
use crate::telemetry::SmallOperation;

/// The vectors of texts, by an encoder.
pub(super) async fn create(
    State(state): State<SharedState>,
    terms: Terms,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let when = (Instant::now(), terms.deadline());
    let request = embedding_request(&body, state.rules())?;
    drop(body);
    state.telemetry().unknown_fields(request.unknown_fields);
    let served = state.small_model(&request.model)?;
    let SmallModel::Encoder(encoder) = served.model() else {
        return Err(served.cannot());
    };
    let format = request.format;
    let work = embedded(&served, encoder, request, state.config().retry_after);
    let done = carry_out(&state, &served, SmallOperation::Embeddings, when, work).await?;
    let answer = Embeddings::new(served.name(), done.value, format, done.tokens);
    let response = Json(answer).into_response();
    Ok(response.map(|body| Guarded::body(body, done.permit)))
}
