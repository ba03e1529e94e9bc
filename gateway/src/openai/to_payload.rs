//! A request becomes what an application reads.

use llm_apps::payload::{Payload, names};
use serde_json::{Map, Value, json};

use super::chat_request::conversation;
use super::decoding::Decoding;
use super::parse::name;
use super::{ChatRequest, CompletionRequest, Prompt};
use crate::error::ApiError;

/// The variables of a chat: `messages`, `question` (the text of the user's last message) and `request`.
///
/// # Errors
/// Names a field that has no meaning for an application.
pub(crate) fn chat_payload(request: ChatRequest) -> Result<Payload, ApiError> {
    let ChatRequest {
        conversation,
        decoding,
        tools,
        ..
    } = request;
    refuse(&decoding)?;
    if tools.is_some() {
        return Err(no_meaning("tools"));
    }
    if conversation.continue_final_message {
        return Err(no_meaning("continue_final_message"));
    }
    let question = last_question(&conversation.messages);
    let mut payload = Payload::new();
    payload.set(names::QUESTION, question);
    payload.set(names::MESSAGES, conversation.messages);
    payload.set(names::REQUEST, given(&decoding));
    Ok(payload)
}

/// The variables of a completion: its prompt is the `question`, and the only message.
///
/// # Errors
/// Names a field that has no meaning for an application.
pub(crate) fn completion_payload(request: &CompletionRequest) -> Result<Payload, ApiError> {
    refuse(&request.decoding)?;
    if request.echo {
        return Err(no_meaning("echo"));
    }
    let [Prompt::Text(question)] = request.prompts.as_slice() else {
        let message = "an application answers one prompt, which is a text";
        return Err(ApiError::invalid("prompt", message));
    };
    let mut payload = Payload::new();
    payload.set(names::MESSAGES, vec![asked(question)]);
    payload.set(names::QUESTION, question.as_str());
    payload.set(names::REQUEST, given(&request.decoding));
    Ok(payload)
}

/// A request below an application's route prefix.
pub(crate) struct PlainRequest {
    /// Its variables.
    pub(crate) payload: Payload,
    /// Whether it is a bare text, which is answered with one.
    pub(crate) bare: bool,
    /// Whether the answer is wanted as it comes.
    pub(crate) stream: bool,
}

/// The variables of a request that is no chat of OpenAI's. A bare text is the `question`; an object brings a
/// `question` or `messages`, and stands whole in `request`.
///
/// # Errors
/// Says what is missing, or no JSON.
pub(crate) fn plain_payload(body: &[u8]) -> Result<PlainRequest, ApiError> {
    let value: Value = serde_json::from_slice(body).map_err(|error| ApiError::Invalid {
        message: format!("invalid JSON: {error}"),
        param: None,
        code: None,
    })?;
    let mut payload = Payload::new();
    let (question, messages, bare) = match &value {
        Value::String(text) => (text.clone(), None, true),
        Value::Object(fields) => match (fields.get("question"), fields.get("messages")) {
            (_, Some(_)) => {
                let messages = conversation(&value)?.messages;
                (last_question(&messages), Some(messages), false)
            }
            (Some(Value::String(text)), None) => (text.clone(), None, false),
            (Some(_), None) => {
                return Err(ApiError::invalid("question", "question must be a string"));
            }
            (None, None) => {
                let message = "the field `question` (or `messages`) is required";
                return Err(ApiError::invalid("question", message));
            }
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            let found = name(&value);
            return Err(ApiError::Invalid {
                message: format!("the request body must be a string or an object, but is {found}"),
                param: None,
                code: None,
            });
        }
    };
    let stream = match value.get("stream") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(stream)) => *stream,
        Some(_) => return Err(ApiError::invalid("stream", "stream must be true or false")),
    };
    let messages = messages.unwrap_or_else(|| vec![asked(&question)]);
    payload.set(names::MESSAGES, messages);
    payload.set(names::QUESTION, question);
    payload.set(names::REQUEST, if bare { json!({}) } else { value });
    Ok(PlainRequest {
        payload,
        bare,
        stream,
    })
}

/// A question as a message.
fn asked(question: &str) -> Value {
    json!({"role": "user", "content": question})
}

/// The text of the user's last message.
fn last_question(messages: &[Value]) -> String {
    let last = messages
        .iter()
        .rev()
        .find(|message| message.get("role").and_then(Value::as_str) == Some("user"));
    let content = last.and_then(|message| message.get("content"));
    content
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// What only a model by itself can answer.
fn refuse(decoding: &Decoding) -> Result<(), ApiError> {
    if let Some(form) = &decoding.form {
        return Err(no_meaning(&form.param));
    }
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
