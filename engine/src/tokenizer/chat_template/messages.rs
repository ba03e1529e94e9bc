//! A client's messages in the form that templates read.
//!
//! As `transformers` does: keys without a value are left out, and reasoning is found under each of
//! the names that templates use. As vLLM does, because templates need it: arguments of tool calls,
//! which come as JSON in a string, become objects, and content takes the form that the template
//! handles (vLLM's content format `auto`):
//!
//! - a string goes to the template as it is, unless the template only handles lists of parts: then it
//!   becomes a list with one text part;
//! - a list of parts goes as it is to a template that handles lists; for any other the texts are
//!   joined by line breaks, and a part that is not text is an error.

use serde_json::{Map, Value, json};

use super::error::{MessagePlace, TemplateError};

/// What a template makes of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentFormat {
    /// Strings.
    Text,
    /// Lists of parts; a string would get lost.
    Parts,
    /// Both.
    Either,
}

/// Names of a message's reasoning; the first is the one that counts.
const REASONING: [&str; 3] = ["reasoning_content", "thinking", "reasoning"];

/// Part types that are text, with the key that holds it.
const TEXT_PARTS: [(&str, &str); 4] = [
    ("text", "text"),
    ("input_text", "text"),
    ("output_text", "text"),
    ("refusal", "refusal"),
];

/// Brings all messages into form.
pub(super) fn prepare(
    messages: &[Value],
    format: ContentFormat,
) -> Result<Vec<Value>, TemplateError> {
    let prepared = messages.iter().enumerate().map(|(index, message)| {
        prepare_one(message, format).map_err(|reason| TemplateError::Message {
            place: place(messages, index),
            reason,
        })
    });
    prepared.collect()
}

/// Names the message at `index`.
pub(super) fn place(messages: &[Value], index: usize) -> MessagePlace {
    let role = messages
        .get(index)
        .and_then(|message| message.get("role")?.as_str());
    MessagePlace {
        index,
        role: role.map(str::to_owned),
    }
}

fn prepare_one(message: &Value, format: ContentFormat) -> Result<Value, String> {
    let Value::Object(fields) = message else {
        return Err("is not an object".to_owned());
    };
    if !fields.get("role").is_some_and(Value::is_string) {
        return Err("has no role; it must be a string".to_owned());
    }
    let mut fields: Map<String, Value> = fields
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if let Some(content) = fields.get_mut("content") {
        fit_content(content, format)?;
    }
    if let Some(Value::Array(calls)) = fields.get_mut("tool_calls") {
        for call in calls {
            parse_arguments(call);
        }
    }
    if let Some(reasoning) = REASONING.iter().find_map(|name| fields.get(*name)).cloned() {
        fields
            .entry("thinking")
            .or_insert_with(|| reasoning.clone());
        fields.insert("reasoning_content".to_owned(), reasoning);
    }
    Ok(Value::Object(fields))
}

fn fit_content(content: &mut Value, format: ContentFormat) -> Result<(), String> {
    match (&*content, format) {
        (Value::String(_), ContentFormat::Text | ContentFormat::Either)
        | (Value::Array(_), ContentFormat::Parts | ContentFormat::Either) => {}
        (Value::String(text), ContentFormat::Parts) => {
            *content = json!([{"type": "text", "text": text}]);
        }
        (Value::Array(parts), ContentFormat::Text) => {
            let texts = parts
                .iter()
                .enumerate()
                .map(|(index, part)| part_text(index, part));
            let texts: Vec<&str> = texts.collect::<Result<_, _>>()?;
            *content = Value::String(texts.join("\n"));
        }
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_), _) => {
            return Err("has a content that is neither a string nor a list of parts".to_owned());
        }
    }
    Ok(())
}

/// The text of a part.
fn part_text(index: usize, part: &Value) -> Result<&str, String> {
    if let Value::String(text) = part {
        return Ok(text);
    }
    let Some(kind) = part.get("type").and_then(Value::as_str) else {
        return Err(format!("has a content[{index}] without a type"));
    };
    let Some((_, key)) = TEXT_PARTS.iter().find(|(name, _)| *name == kind) else {
        return Err(format!(
            "has a content[{index}] of type `{kind}`, but the model's chat template takes text only"
        ));
    };
    let text = part.get(key).and_then(Value::as_str);
    text.ok_or_else(|| format!("has a content[{index}] of type `{kind}` without `{key}`"))
}

/// Turns the arguments of a tool call from a string that holds a JSON object into the object.
fn parse_arguments(call: &mut Value) {
    let Some(arguments) = call.pointer_mut("/function/arguments") else {
        return;
    };
    let parsed = arguments
        .as_str()
        .and_then(|text| serde_json::from_str(text).ok());
    if let Some(object @ Value::Object(_)) = parsed {
        *arguments = object;
    }
}
