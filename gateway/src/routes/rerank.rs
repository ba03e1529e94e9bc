//! `POST /v1/rerank`, and `/v2/rerank`, which clients of Cohere's ask.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use crate::admission::Guarded;
use crate::error::ApiError;
use crate::http::{JsonBody, Terms};
use crate::openai::{Reranked, rerank_request};
use crate::small_models::{Pairs, carry_out, relevance};
use crate::state::SharedState;
use crate::telemetry::SmallOperation;

/// Documents in the order in which they answer a question.
pub(super) async fn create(
    State(state): State<SharedState>,
    terms: Terms,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let when = (Instant::now(), terms.deadline());
    let request = rerank_request(&body, state.rules())?;
    drop(body);
    state.telemetry().unknown_fields(request.unknown_fields);
    let served = state.small_model(&request.model)?;
    let told = request.return_documents.then(|| request.documents.clone());
    let pairs = Pairs {
        left: vec![request.query],
        right: request.documents,
        fields: ("query", "documents"),
        overlong: request.overlong,
        asks: true,
    };
    let work = relevance(&served, pairs, state.config().retry_after);
    let done = carry_out(&state, &served, SmallOperation::Rerank, when, work).await?;
    let named = (state.edge().id("rerank-"), served.name());
    let answer = Reranked::new(
        named,
        &done.value,
        request.top_n,
        told.as_deref(),
        done.tokens,
    );
    let response = Json(answer).into_response();
    Ok(response.map(|body| Guarded::body(body, done.permit)))
}
