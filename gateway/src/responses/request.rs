//! `POST /v1/responses`, from bytes to a value that holds what will be done.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::items::{Input, Item};
use super::tables::RESPONSES;
use crate::error::ApiError;
use crate::openai::{AsObject, Rules, judged, metadata, required, typed};

/// What a client wants of a response.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ResponseRequest {
    /// Id or alias of a model, or an application's name.
    pub(crate) model: String,
    pub(super) input: Vec<Item>,
    pub(super) instructions: Option<String>,
    pub(super) after: After,
    /// Whether it is kept.
    pub(crate) store: bool,
    /// Whether nobody waits for it.
    pub(crate) background: bool,
    /// Whether its events are wanted.
    pub(crate) stream: bool,
    /// The chat's body, without its messages.
    pub(super) chat: Value,
    /// What the response repeats.
    pub(super) asked: Map<String, Value>,
    /// Fields that no table knows.
    pub(crate) unknown_fields: usize,
}

/// What goes before the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum After {
    /// Nothing.
    Nothing,
    /// The response of this id, and all before it.
    Response(String),
    /// All of the conversation of this id.
    Conversation(String),
}

#[derive(Debug, Deserialize)]
struct Wire {
    model: Option<String>,
    input: Option<Input>,
    instructions: Option<String>,
    previous_response_id: Option<String>,
    conversation: Option<Value>,
    store: Option<bool>,
    background: Option<bool>,
    stream: Option<bool>,
    stream_options: Option<AsObject<NoOptions>>,
    metadata: Option<Map<String, Value>>,
    include: Option<Vec<String>>,
    text: Option<AsObject<Text>>,
    top_logprobs: Option<u32>,
}

/// Those that there are change nothing.
#[derive(Debug, Deserialize)]
struct NoOptions {}

#[derive(Debug, Deserialize)]
struct Text {
    format: Option<AsObject<Format>>,
}

#[derive(Debug, Deserialize)]
struct Format {
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
    schema: Option<Value>,
}

/// Fields that a chat has under the same name.
const PASSED: [&str; 13] = [
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "min_tokens",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "logit_bias",
    "seed",
    "stop",
    "ignore_eos",
    "chat_template_kwargs",
];

/// What may be included: log-probabilities, and what no response here has.
const INCLUDABLE: [&str; 8] = [
    LOGPROBS,
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
];
const LOGPROBS: &str = "message.output_text.logprobs";

/// Reads the body of `POST /v1/responses`.
///
/// # Errors
/// [`ApiError::Invalid`] names the field at fault.
pub(crate) fn response_request(body: &[u8], rules: Rules) -> Result<ResponseRequest, ApiError> {
    let (request, unknown_fields) = judged(body, RESPONSES, rules)?;
    let wire: Wire = typed(&request)?;
    let model = required(wire.model, "model")?;
    let after = after(wire.previous_response_id, wire.conversation)?;
    let input = match wire.input {
        Some(input) => input.items("input")?,
        None => Vec::new(),
    };
    if input.is_empty() && after == After::Nothing {
        let message = "input is empty; a text or at least one item is needed";
        return Err(ApiError::invalid("input", message));
    }
    let (store, background) = (wire.store.unwrap_or(true), wire.background.unwrap_or(false));
    if background && !store {
        let message =
            "a response in the background is kept until it is asked for; store cannot be false";
        return Err(ApiError::invalid("background", message));
    }
    let stream = wire.stream.unwrap_or(false);
    if wire.stream_options.is_some() && !stream {
        let message = "stream_options is only allowed when stream is true";
        return Err(ApiError::invalid("stream_options", message));
    }
    let metadata = metadata(wire.metadata)?;
    let metadata = if metadata.is_null() {
        json!({})
    } else {
        metadata
    };
    let logprobs = logprobs(&wire.include.unwrap_or_default(), wire.top_logprobs)?;
    let format = format(wire.text)?;
    let mut chat = json!({"model": model});
    for name in PASSED {
        set(&mut chat, name, request.get(name).cloned());
    }
    let limit = request.get("max_output_tokens").cloned();
    if limit.as_ref().and_then(Value::as_u64) == Some(0) {
        let message = "max_output_tokens must be at least 1, but is 0";
        return Err(ApiError::invalid("max_output_tokens", message));
    }
    set(&mut chat, "max_completion_tokens", limit);
    set(&mut chat, "response_format", format);
    if let Some(top) = logprobs {
        chat["logprobs"] = true.into();
        chat["top_logprobs"] = top.into();
    }
    let mut asked = repeated(&request);
    asked.insert("metadata".to_owned(), metadata);
    asked.insert("background".to_owned(), background.into());
    Ok(ResponseRequest {
        model,
        input,
        instructions: wire.instructions,
        after,
        store,
        background,
        stream,
        chat,
        asked,
        unknown_fields,
    })
}

fn after(previous: Option<String>, conversation: Option<Value>) -> Result<After, ApiError> {
    let conversation = match conversation {
        None => None,
        Some(Value::String(id)) => Some(id),
        Some(other) => match other.get("id").and_then(Value::as_str) {
            Some(id) => Some(id.to_owned()),
            None => {
                let message = "conversation must be an id, or an object with an id";
                return Err(ApiError::invalid("conversation", message));
            }
        },
    };
    match (previous, conversation) {
        (None, None) => Ok(After::Nothing),
        (Some(id), None) => Ok(After::Response(id)),
        (None, Some(id)) => Ok(After::Conversation(id)),
        (Some(_), Some(_)) => Err(ApiError::invalid(
            "previous_response_id",
            "previous_response_id and conversation each say what goes before the input; leave one out",
        )),
    }
}

/// The alternatives that are wanted beside each token, if log-probabilities are.
fn logprobs(include: &[String], top: Option<u32>) -> Result<Option<u32>, ApiError> {
    let unknown = |name: &&String| !INCLUDABLE.contains(&name.as_str());
    if let Some(index) = include.iter().position(|name| unknown(&name)) {
        let path = format!("include[{index}]");
        let message = format!("{path} must be one of {}", INCLUDABLE.join(", "));
        return Err(ApiError::invalid(path, message));
    }
    let wanted = include.iter().any(|name| name == LOGPROBS);
    match (wanted, top) {
        (false, None | Some(0)) => Ok(None),
        (_, top) => Ok(Some(top.unwrap_or(0))),
    }
}

/// A chat's `response_format`.
fn format(text: Option<AsObject<Text>>) -> Result<Option<Value>, ApiError> {
    let Some(AsObject(format)) = text.and_then(|AsObject(text)| text.format) else {
        return Ok(None);
    };
    match format.kind.as_str() {
        "text" => Ok(None),
        "json_object" => Ok(Some(json!({"type": "json_object"}))),
        "json_schema" => {
            let name = required(format.name, "text.format.name")?;
            let schema = required(format.schema, "text.format.schema")?;
            Ok(Some(json!({
                "type": "json_schema",
                "json_schema": {"name": name, "schema": schema},
            })))
        }
        other => {
            let other: String = other.chars().take(40).collect();
            let message = format!(
                "text.format.type must be \"text\", \"json_object\" or \"json_schema\", but is {other:?}"
            );
            Err(ApiError::invalid("text.format.type", message))
        }
    }
}

/// What a response repeats of its request, as it was given or as it is when nothing is given.
fn repeated(request: &Value) -> Map<String, Value> {
    let given = |name: &str, otherwise: Value| match request.get(name) {
        None | Some(Value::Null) => otherwise,
        Some(value) => value.clone(),
    };
    let mut text = given("text", json!({}));
    if text.get("format").is_none_or(Value::is_null) {
        text["format"] = json!({"type": "text"});
    }
    let conversation = given("conversation", Value::Null);
    let conversation = match conversation.as_str() {
        Some(id) => json!({"id": id}),
        None => conversation,
    };
    let reasoning = json!({"effort": null, "summary": null});
    let fields = [
        ("instructions", given("instructions", Value::Null)),
        ("max_output_tokens", given("max_output_tokens", Value::Null)),
        ("max_tool_calls", given("max_tool_calls", Value::Null)),
        (
            "parallel_tool_calls",
            given("parallel_tool_calls", true.into()),
        ),
        (
            "previous_response_id",
            given("previous_response_id", Value::Null),
        ),
        ("conversation", conversation),
        ("reasoning", reasoning),
        ("service_tier", "default".into()),
        ("temperature", given("temperature", Value::Null)),
        ("text", text),
        ("tool_choice", given("tool_choice", "auto".into())),
        ("tools", json!([])),
        ("top_logprobs", given("top_logprobs", 0.into())),
        ("top_p", given("top_p", Value::Null)),
        ("truncation", "disabled".into()),
    ];
    let named = fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    let user = request.get("user").filter(|user| user.is_string());
    let user = user.map(|user| ("user".to_owned(), user.clone()));
    named.chain(user).collect()
}

fn set(body: &mut Value, field: &str, value: Option<Value>) {
    if let Some(value) = value {
        body[field] = value;
    }
}

/// Fields of chats in a response's words; what follows a name stays.
const WORDS: [(&str, &str); 8] = [
    ("response_format.json_schema.schema", "text.format.schema"),
    ("response_format.json_schema.name", "text.format.name"),
    ("response_format.json_schema", "text.format"),
    ("response_format", "text.format"),
    ("max_completion_tokens", "max_output_tokens"),
    ("max_tokens", "max_output_tokens"),
    ("messages", "input"),
    ("reasoning_effort", "reasoning.effort"),
];

/// A fault of a field that has another name in a chat.
pub(crate) fn in_our_words(error: ApiError) -> ApiError {
    let ApiError::Invalid {
        message,
        param: Some(param),
        code,
    } = &error
    else {
        return error;
    };
    if param == "min_tokens" {
        return ApiError::Invalid {
            message: message.replace("max_tokens", "max_output_tokens"),
            param: Some(param.clone()),
            code: *code,
        };
    }
    let mut words = WORDS.into_iter();
    let Some((theirs, ours)) = words.find(|(theirs, _)| param.starts_with(theirs)) else {
        return error;
    };
    ApiError::Invalid {
        message: message.replace(theirs, ours),
        param: Some(param.replacen(theirs, ours, 1)),
        code: *code,
    }
}
