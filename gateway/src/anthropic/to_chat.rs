//! The chat that a request means: the body that a client of OpenAI's would have sent.
//!
//! Whatever chats learn to do, such as tools, is told here in their words and proved by their parser.

use serde_json::{Value, json};

use super::request::{Blocks, Role, Turn, Wire};
use crate::error::ApiError;
use crate::openai::{AsObject, ChatRequest, Rules, chat_request};

/// The chat of `wire`, whose model and messages are there.
pub(super) fn to_chat(wire: Wire, prefilled: bool, rules: Rules) -> Result<ChatRequest, ApiError> {
    let mut messages = Vec::new();
    if let Some(system) = wire.system {
        messages.push(json!({"role": "system", "content": parts(system)}));
    }
    let turns = wire.messages.unwrap_or_default();
    for (role, content) in merged(turns) {
        messages.push(json!({"role": role, "content": content}));
    }
    let mut body = json!({
        "model": wire.model,
        "messages": messages,
        "stream": wire.stream.unwrap_or(false),
    });
    if prefilled {
        set(&mut body, "continue_final_message", Some(true.into()));
    }
    set(&mut body, "max_tokens", wire.max_tokens.map(Value::from));
    set(&mut body, "temperature", wire.temperature.map(Value::from));
    set(&mut body, "top_p", wire.top_p.map(Value::from));
    set(&mut body, "top_k", wire.top_k.map(Value::from));
    set(&mut body, "stop", wire.stop_sequences.map(Value::from));
    let told = chat_request(body.to_string().as_bytes(), rules);
    told.map_err(in_our_words)
}

/// Neighbours of one role are one message, as in Anthropic's API.
fn merged(turns: Vec<AsObject<Turn>>) -> Vec<(Role, Value)> {
    let mut all: Vec<(Role, Vec<String>)> = Vec::new();
    for AsObject(Turn { role, content }) in turns {
        match all.last_mut() {
            Some((last, texts)) if *last == role => texts.extend(content.0),
            _ => all.push((role, content.0)),
        }
    }
    let told = all.into_iter();
    told.map(|(role, texts)| (role, parts(Blocks(texts))))
        .collect()
}

/// One text as it stands, more of them as parts.
fn parts(Blocks(mut texts): Blocks) -> Value {
    match texts.len() {
        1 => Value::String(texts.pop().unwrap_or_default()),
        _ => {
            let part = |text| json!({"type": "text", "text": text});
            texts.into_iter().map(part).collect()
        }
    }
}

fn set(body: &mut Value, field: &str, value: Option<Value>) {
    if let Some(value) = value {
        body[field] = value;
    }
}

/// A fault of a field that has another name in a chat.
fn in_our_words(error: ApiError) -> ApiError {
    if let ApiError::Invalid {
        message,
        param: Some(param),
        code,
    } = &error
        && param == "stop"
    {
        return ApiError::Invalid {
            message: message.replacen("stop", "stop_sequences", 1),
            param: Some("stop_sequences".to_owned()),
            code: *code,
        };
    }
    error
}
