//! `POST /v1/chat/completions`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use crate::admission::Guarded;
use crate::error::ApiError;
use crate::generation::{start, whole};
use crate::http::JsonBody;
use crate::openai::{ChatEncoder, chat_completion, chat_request, chat_text};
use crate::sse;
use crate::state::SharedState;
use crate::telemetry::Operation;

/// Answers a conversation.
pub(super) async fn create(
    State(state): State<SharedState>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let arrived = Instant::now();
    let request = chat_request(&body, state.rules())?;
    drop(body);
    state.telemetry().unknown_fields(request.unknown_fields);
    let model = state.model(&request.model)?;
    let (stream, logprobs) = (request.stream, request.decoding.logprobs.is_some());
    let text = chat_text(request, &state.surroundings(model));
    let mut answers = start(&state, model, Operation::Chat, vec![text], arrived).await?;
    let head = state.head("chatcmpl-", model);
    if let Some(options) = stream {
        let choices = answers.tally().choices();
        let encoder = ChatEncoder::new(head, options, logprobs, choices);
        return Ok(sse::respond(&state, answers, encoder));
    }
    let choices = whole(&mut answers).await?;
    let completion = chat_completion(head, choices, logprobs, answers.tally().usage());
    let permit = answers.into_permit();
    Ok(Json(completion).into_response().map(|body| Guarded::body(body, permit)))
}
