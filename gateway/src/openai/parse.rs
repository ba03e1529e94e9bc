//! Bytes of a body to a JSON object, and the object to a wire type, with errors that say where.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::expected::wrong_type;
use crate::error::ApiError;

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// Longest error text that quotes what the client sent.
const MAX_MESSAGE: usize = 400;

/// Reads a body.
///
/// # Errors
/// Says line and column of what is not JSON, or that the body is not an object.
pub(crate) fn object(body: &[u8]) -> Result<Value, ApiError> {
    let value: Value =
        serde_json::from_slice(body).map_err(|e| no_field(format!("invalid JSON: {e}")))?;
    if value.is_object() {
        return Ok(value);
    }
    let found = name(&value);
    Err(no_field(format!(
        "the request body must be a JSON object, but is {found}"
    )))
}

/// Reads the fields that `T` knows; others were judged by [`fields`](super::fields) before.
///
/// # Errors
/// Names the path of the first value of a wrong type.
pub(crate) fn typed<T: DeserializeOwned>(object: &Value) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(object).map_err(|error| {
        let (field, message) = wrong_type(object, error.path(), &error.inner().to_string());
        ApiError::invalid(field, shortened(message))
    })
}

/// The value of a field that must be there.
///
/// # Errors
/// Names the field.
pub(crate) fn required<T>(value: Option<T>, field: &str) -> Result<T, ApiError> {
    value.ok_or_else(|| ApiError::invalid(field, format!("the field `{field}` is required")))
}

/// What a JSON value is, in words.
pub(crate) fn name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn no_field(message: String) -> ApiError {
    ApiError::Invalid {
        message,
        param: None,
        code: None,
    }
}

/// Errors quote wrong values, which can be as long as the body.
fn shortened(mut message: String) -> String {
    if let Some((end, _)) = message.char_indices().nth(MAX_MESSAGE) {
        message.truncate(end);
        message.push_str("...");
    }
    message
}
