//! `POST /tokenize`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;
use crate::http::JsonBody;
use crate::openai::{Tokenized, tokenize_prompt, tokenize_request};
use crate::state::SharedState;

/// The token ids of a text or of a rendered conversation.
pub(super) async fn tokenize(
    State(state): State<SharedState>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let request = tokenize_request(&body, state.rules())?;
    drop(body);
    state.telemetry().unknown_fields(request.unknown_fields);
    let served = state.model_or_only(request.model.as_deref())?;
    let wants_texts = request.return_token_strs;
    let prompt = tokenize_prompt(request, &state.surroundings(&served));
    let model = served.text();
    let tokens = model
        .tokenize(prompt)
        .await
        .map_err(|e| state.refused(&e))?;
    let text = |id: &u32| {
        let bytes = model.tokenizer().token_bytes(*id);
        String::from_utf8_lossy(bytes).into_owned()
    };
    let tokenized = Tokenized {
        count: tokens.len(),
        max_model_len: model.limits().max_model_len,
        token_strs: wants_texts.then(|| tokens.iter().map(text).collect()),
        tokens,
    };
    Ok(Json(tokenized).into_response())
}
