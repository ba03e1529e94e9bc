//! What a field of a wrong type is told, in JSON's words where serde speaks Rust.

use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::parse::name;

/// Longest text of a client's that an error quotes, in characters.
const QUOTED: usize = 40;
/// From here on a number without a fraction was written as an integer of more than 64 bits, or with
/// an exponent; which, and its last digits, are lost.
const BEYOND_INTEGERS: f64 = 9_223_372_036_854_775_808.0;

/// What is wrong at `path` of a request, and the path of the field at fault.
pub(super) fn wrong_type(request: &Value, path: &Path, error: &str) -> (String, String) {
    let place = path.to_string();
    if let Some(field) = quoted(error, "missing field `") {
        let field = format!("{place}.{field}");
        let message = format!("the field `{field}` is required");
        return (field, message);
    }
    let message = match error.rsplit_once(", expected ") {
        Some((said, expected)) if said.starts_with("invalid ") => {
            let found = found(request, path).map_or_else(|| "missing".to_owned(), shown);
            let wrong_kind = said.starts_with("invalid type");
            format!(
                "{place} must be {}, but is {found}",
                in_json(expected, wrong_kind)
            )
        }
        _ => format!("{place}: {error}"),
    };
    (place, message)
}

/// A value as an error shows it: numbers and short texts as they are, the rest by its kind.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.abs() >= BEYOND_INTEGERS => {
                "a number of more than 64 bits".to_owned()
            }
            _ => number.to_string(),
        },
        Value::String(text) => match text.char_indices().nth(QUOTED) {
            Some((end, _)) => format!("{:?}...", &text[..end]),
            None => format!("{text:?}"),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => name(value).to_owned(),
    }
}

/// Serde's name for what it expects. Our own types say it in JSON's words already. A range helps only
/// those who sent a number.
fn in_json(expected: &str, wrong_kind: bool) -> &str {
    match expected {
        "u32" if wrong_kind => "a whole number",
        "u32" => "a whole number from 0 to 4294967295",
        "f32" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        other if other.starts_with("struct ") => "an object",
        other => other,
    }
}

/// The value at `path`.
fn found<'v>(request: &'v Value, path: &Path) -> Option<&'v Value> {
    path.iter()
        .try_fold(request, |value, segment| match segment {
            Segment::Seq { index } => value.get(index),
            Segment::Map { key } => value.get(key),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
}

/// What stands between `before` and the next backtick.
fn quoted<'e>(error: &'e str, before: &str) -> Option<&'e str> {
    let rest = error.strip_prefix(before)?;
    Some(rest.split_once('`')?.0)
}
