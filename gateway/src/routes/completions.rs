//! `POST /v1/completions`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use crate::admission::Guarded;
use crate::error::ApiError;
use crate::generation::{start, whole};
use crate::http::JsonBody;
use crate::openai::{
    ChunkUsage, Completion, CompletionEncoder, CompletionShape, completion_choices,
    completion_request, completion_texts,
};
use crate::sse;
use crate::state::SharedState;
use crate::telemetry::Operation;

/// Continues texts.
pub(super) async fn create(
    State(state): State<SharedState>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let arrived = Instant::now();
    let request = completion_request(&body, state.rules())?;
    drop(body);
    state.telemetry().unknown_fields(request.unknown_fields);
    let model = state.model(&request.model)?;
    let (stream, shape) = (request.stream, CompletionShape::of(&request));
    let texts = completion_texts(request, &state.surroundings(&model));
    let mut answers = start(&state, &model, Operation::TextCompletion, texts, arrived).await?;
    let head = state.head("cmpl-", model.id());
    if let Some(options) = stream {
        let encoder = CompletionEncoder::new(head, options, shape);
        return Ok(sse::respond(&state, answers, encoder));
    }
    let choices = completion_choices(whole(&mut answers).await?, shape);
    let usage = ChunkUsage::Known(answers.tally().usage());
    let response = Json(Completion::new(&head, &choices, usage)).into_response();
    let permit = answers.into_permit();
    Ok(response.map(|body| Guarded::body(body, permit)))
}
