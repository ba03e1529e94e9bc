//! A chat becomes what an application reads.

use llm_apps::payload::{Payload, names};
use serde_json::{Map, Value, json};

use super::ChatRequest;
use super::decoding::Decoding;
use crate::error::ApiError;

/// The variable that holds what of the request says how to generate, for those stages that heed it.
const REQUEST: &str = "request";

/// The variables of a chat: `messages`, `question` (the text of the user's last message) and `request`.
///
/// # Errors
/// Names a field that has no meaning for an application.
pub(crate) fn chat_payload(request: ChatRequest) -> Result<Payload, ApiError> {
    let ChatRequest {
        conversation,
        decoding,
        ..
    } = request;
    refuse(&decoding)?;
    if conversation.continue_final_message {
        return Err(no_meaning("continue_final_message"));
    }
    let question = conversation
        .messages
        .iter()
        .rev()
        .find(|message| message.get("role").and_then(Value::as_str) == Some("user"))
        .and_then(|message| message.get("content"))
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let mut payload = Payload::new();
    payload.set(names::QUESTION, question);
    payload.set(names::MESSAGES, conversation.messages);
    payload.set(REQUEST, given(&decoding));
    Ok(payload)
}

/// What only a model by itself can answer.
fn refuse(decoding: &Decoding) -> Result<(), ApiError> {
    let fields = [
        ("n", decoding.n > 1),
        ("logprobs", decoding.logprobs.is_some()),
        ("prompt_logprobs", decoding.given.prompt_logprobs.is_some()),
        ("logit_bias", !decoding.logit_bias.is_empty()),
        ("stop_token_ids", !decoding.stop_token_ids.is_empty()),
    ];
    match fields.into_iter().find(|(_, given)| *given) {
        Some((field, _)) => Err(no_meaning(field)),
        None => Ok(()),
    }
}

fn no_meaning(field: &str) -> ApiError {
    let message =
        format!("{field} has no meaning for an application; ask one of its models by name");
    ApiError::invalid(field, message)
}

/// The fields that were given.
fn given(decoding: &Decoding) -> Value {
    let given = &decoding.given;
    let fields = [
        ("temperature", json!(given.temperature)),
        ("top_p", json!(given.top_p)),
        ("top_k", json!(decoding.top_k)),
        ("min_p", json!(given.min_p)),
        ("presence_penalty", json!(given.presence_penalty)),
        ("frequency_penalty", json!(given.frequency_penalty)),
        ("repetition_penalty", json!(given.repetition_penalty)),
        ("max_tokens", json!(given.max_tokens)),
        ("seed", json!(decoding.seed)),
        ("stop", json!(decoding.stop)),
    ];
    let said = fields
        .into_iter()
        .filter(|(_, value)| !value.is_null() && *value != json!([]))
        .map(|(name, value)| (name.to_owned(), value));
    Value::Object(said.collect::<Map<_, _>>())
}
