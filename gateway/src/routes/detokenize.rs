//! `POST /detokenize`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;
use crate::http::JsonBody;
use crate::openai::{Detokenized, detokenize_request};
use crate::state::SharedState;

/// The text of token ids, special tokens included.
pub(super) async fn detokenize(
    State(state): State<SharedState>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let request = detokenize_request(&body, state.rules())?;
    drop(body);
    state.telemetry().unknown_fields(request.unknown_fields);
    let served = state.model_or_only(request.model.as_deref())?;
    let model = served.text();
    let text = model.detokenize(request.tokens, false).await;
    let prompt = text.map_err(|e| state.refused(&e))?;
    Ok(Json(Detokenized { prompt }).into_response())
}
