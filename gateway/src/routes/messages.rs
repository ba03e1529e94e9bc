//! `POST /v1/messages` and `POST /v1/messages/count_tokens`, in Anthropic's API.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use llm_apps::reasoning::Opening;
use serde_json::Value;
use tokio::time::Instant;

use crate::admission::Guarded;
use crate::anthropic::{
    Counted, Extent, Message, MessageEncoder, MessagesRequest, messages_request,
};
use crate::catalogue::Served;
use crate::error::ApiError;
use crate::generation::{Answers, ask, start, whole};
use crate::http::{JsonBody, Terms, with_server_timing};
use crate::openai::{
    Head, TokenizeRequest, TokenizeText, chat_payload, chat_text, tokenize_prompt,
};
use crate::sse;
use crate::state::SharedState;
use crate::telemetry::Operation;

/// Answers a conversation, by a model or by an application.
pub(super) async fn create(
    State(state): State<SharedState>,
    terms: Terms,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let arrived = Instant::now();
    let request = messages_request(&body, state.rules(), Extent::Answer)?;
    drop(body);
    state.telemetry().unknown_fields(request.unknown_fields);
    let MessagesRequest {
        chat, prefilled, ..
    } = request;
    let stream = chat.stream.is_some();
    match state.served(&chat.model)? {
        Served::Application(application) => {
            if prefilled {
                let message =
                    "the last message is the assistant's; an application begins its answers itself";
                return Err(ApiError::invalid("messages", message));
            }
            let payload = chat_payload(chat)?;
            let call = terms.call();
            let when = (call.clone(), arrived, terms.deadline());
            let asked = ask(&state, &application, Operation::Chat, payload, when).await?;
            let head = state.head("msg_", application.app().name());
            let response = answer(&state, asked.answers, (head, asked.sources), stream).await?;
            Ok(with_server_timing(response, &call))
        }
        Served::Model(model) => {
            let syntax = (model.text().tool_syntax(), Opening::Behind);
            let text = chat_text(chat, syntax, &state.surroundings(&model))?;
            let when = (arrived, terms.deadline());
            let answers = start(&state, &model, Operation::Chat, vec![text], when).await?;
            let head = state.head("msg_", model.id());
            answer(&state, answers, (head, Value::Null), stream).await
        }
    }
}

/// The tokens of a conversation as its model reads it.
pub(super) async fn count_tokens(
    State(state): State<SharedState>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let request = messages_request(&body, state.rules(), Extent::Count)?;
    drop(body);
    state.telemetry().unknown_fields(request.unknown_fields);
    let chat = request.chat;
    let Served::Model(served) = state.served(&chat.model)? else {
        let does = "is an application, which puts its prompts together by itself; count for one of its models";
        return Err(ApiError::other_model(&chat.model, does));
    };
    let asked = TokenizeRequest {
        model: None,
        text: TokenizeText::Messages(chat.conversation),
        add_special_tokens: None,
        return_token_strs: false,
        unknown_fields: 0,
    };
    let prompt = tokenize_prompt(asked, &state.surroundings(&served));
    let tokens = served.text().tokenize(prompt).await;
    let tokens = tokens.map_err(|e| state.refused(&e))?;
    let counted = Counted {
        input_tokens: tokens.len(),
    };
    Ok(Json(counted).into_response())
}

async fn answer(
    state: &SharedState,
    mut answers: Answers,
    (head, sources): (Head, Value),
    stream: bool,
) -> Result<Response, ApiError> {
    if stream {
        let encoder = MessageEncoder::new(head, sources);
        return Ok(sse::respond(state, answers, encoder));
    }
    let choice = whole(&mut answers).await?.pop().unwrap_or_default();
    let message = Message::whole(&head, &choice, answers.tally(), sources);
    let response = Json(message).into_response();
    let permit = answers.into_permit();
    Ok(response.map(|body| Guarded::body(body, permit)))
}
