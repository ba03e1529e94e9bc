//! Tools in plain messages, for chat templates that know none: in the words of Hermes, which many models
//! were taught, and which a model that was not can follow.

use serde_json::{Value, json};

const BEFORE: &str =
    "You may call functions to answer. These are the functions, one JSON object a line:\n<tools>\n";
const BEHIND: &str = "</tools>\nTo call one, write a JSON object with its name and its arguments within tags:\n\
<tool_call>\n{\"name\": \"the name\", \"arguments\": {\"an argument\": \"its value\"}}\n</tool_call>";

/// The conversation with its tools, calls and results told in messages that every template takes. `system`
/// says whether the template takes a message of the system's.
pub fn instructed(messages: &[Value], tools: &[Value], system: bool) -> Vec<Value> {
    let mut told: Vec<Value> = Vec::with_capacity(messages.len() + 1);
    for message in messages {
        match role(message) {
            "tool" => {
                let response = format!(
                    "<tool_response>\n{}\n</tool_response>",
                    text(message.get("content"))
                );
                // Results of calls that were made together are one message.
                match told.last_mut() {
                    Some(last) if last.get("tool_results").is_some() => {
                        let content = format!("{}\n{response}", text(last.get("content")));
                        last["content"] = Value::String(content);
                    }
                    _ => told
                        .push(json!({"role": "user", "content": response, "tool_results": true})),
                }
            }
            "assistant" => told.push(with_calls(message)),
            _ => told.push(message.clone()),
        }
    }
    for message in told.iter_mut().filter_map(Value::as_object_mut) {
        message.remove("tool_results");
    }
    if !tools.is_empty() {
        introduce(&mut told, tools, system);
    }
    told
}

/// Puts the tools before the conversation: behind the system's words, or before the user's first.
fn introduce(messages: &mut Vec<Value>, tools: &[Value], system: bool) {
    let mut words = BEFORE.to_owned();
    for tool in tools {
        words.push_str(&tool.to_string());
        words.push('\n');
    }
    words.push_str(BEHIND);
    match messages.first_mut() {
        Some(first) if role(first) == "system" => {
            let own = text(first.get("content"));
            first["content"] = Value::String(format!("{own}\n\n{words}"));
        }
        Some(first) if role(first) == "user" && !system => {
            let own = text(first.get("content"));
            first["content"] = Value::String(format!("{words}\n\n{own}"));
        }
        _ => {
            let role = if system { "system" } else { "user" };
            messages.insert(0, json!({"role": role, "content": words}));
        }
    }
}

/// A message of the assistant's, with its calls as text.
fn with_calls(message: &Value) -> Value {
    let Some(Value::Array(calls)) = message.get("tool_calls") else {
        return message.clone();
    };
    let mut content = text(message.get("content"));
    for call in calls {
        if !content.is_empty() {
            content.push('\n');
        }
        let function = call.get("function");
        let of = |key: &str| function.and_then(|f| f.get(key)).cloned();
        let arguments = match of("arguments") {
            Some(Value::String(text)) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
            arguments => arguments.unwrap_or_else(|| json!({})),
        };
        let call = json!({"name": of("name"), "arguments": arguments});
        content.push_str(&format!("<tool_call>\n{call}\n</tool_call>"));
    }
    let mut message = message.clone();
    message["content"] = Value::String(content);
    if let Value::Object(fields) = &mut message {
        fields.remove("tool_calls");
    }
    message
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or("")
}

/// A content's text; its parts are joined as templates get them.
fn text(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let parts = parts.iter().filter_map(|part| part.get("text")?.as_str());
            parts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}
