//! What the questions are about: a text, or messages told as one.

use serde_json::Value;

use crate::error::ApiError;

/// The text of `input`, or of a question's `instructions`, at `place`.
///
/// # Errors
/// Names what is not text.
pub(super) fn text(value: &Value, place: &str) -> Result<String, ApiError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Array(parts) => {
            let parts = parts.iter().enumerate();
            let texts: Result<Vec<_>, _> = parts
                .map(|(index, part)| part_text(part, &format!("{place}[{index}]")))
                .collect();
            Ok(texts?.join("\n"))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            Err(invalid(place, "must be a text or a list of parts"))
        }
    }
}

/// The text of a list of messages: one message as it is, several each behind who said it.
///
/// # Errors
/// Names the item that is no message of text.
pub(super) fn transcript(items: &[Value]) -> Result<String, ApiError> {
    let mut said = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        said.push(message(item, &format!("input[{index}]"))?);
    }
    if let [(_, text)] = &mut said[..] {
        return Ok(std::mem::take(text));
    }
    let lines = said.into_iter().map(|(who, text)| format!("{who}: {text}"));
    Ok(lines.collect::<Vec<_>>().join("\n\n"))
}

/// Who said it, and what.
fn message(item: &Value, place: &str) -> Result<(String, String), ApiError> {
    let field = |name: &str| item.get(name).and_then(Value::as_str);
    let needed = |name: &str| {
        field(name).ok_or_else(|| invalid(&format!("{place}.{name}"), "must be a string"))
    };
    match field("type").unwrap_or("message") {
        "message" => {
            let role = needed("role")?;
            if !["user", "developer", "system", "assistant"].contains(&role) {
                let place = format!("{place}.role");
                return Err(invalid(
                    &place,
                    "must be user, developer, system or assistant",
                ));
            }
            let content = item.get("content").unwrap_or(&Value::Null);
            let content = text(content, &format!("{place}.content"))?;
            Ok((role.to_owned(), content))
        }
        "function_call" => {
            let (name, arguments) = (needed("name")?, needed("arguments")?);
            Ok(("assistant".to_owned(), format!("{name}({arguments})")))
        }
        "custom_tool_call" => {
            let (name, asked) = (needed("name")?, needed("input")?);
            Ok(("assistant".to_owned(), format!("{name}({asked})")))
        }
        "function_call_output" | "custom_tool_call_output" => {
            let output = item.get("output").unwrap_or(&Value::Null);
            Ok(("tool".to_owned(), text(output, &format!("{place}.output"))?))
        }
        _ => Err(invalid(
            &format!("{place}.type"),
            "must be message, function_call, function_call_output, custom_tool_call or custom_tool_call_output",
        )),
    }
}

fn part_text(part: &Value, place: &str) -> Result<String, ApiError> {
    let field = |name: &str| part.get(name);
    let string = |name: &str| {
        let text = field(name).and_then(Value::as_str).map(str::to_owned);
        text.ok_or_else(|| invalid(&format!("{place}.{name}"), "must be a string"))
    };
    match field("type").and_then(Value::as_str) {
        Some("input_text" | "output_text") => string("text"),
        Some("refusal") => string("refusal"),
        Some("input_json") => match field("data") {
            Some(data @ (Value::Object(_) | Value::Array(_))) => Ok(data.to_string()),
            _ => Err(invalid(
                &format!("{place}.data"),
                "must be an object or a list of objects",
            )),
        },
        Some("input_image") => Err(invalid(
            &format!("{place}.type"),
            "models here read text; images are not taken",
        )),
        _ => Err(invalid(
            &format!("{place}.type"),
            "must be input_text, output_text, refusal or input_json",
        )),
    }
}

pub(super) fn invalid(place: &str, what: &str) -> ApiError {
    ApiError::invalid(place, format!("{place} {what}"))
}
