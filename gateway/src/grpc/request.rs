//! A message becomes a body as HTTP's routes read one; metadata become terms.

use std::time::Duration;

use serde_json::{Map, Value};
use tonic::metadata::MetadataMap;
use tonic::{Extensions, Request};

use super::config::GrpcConfig;
use super::proto::InferenceRequest;
use super::proto::inference_request::Input;
use crate::error::ApiError;
use crate::http::{RequestId, Terms, X_SESSION_ID, id_of};

/// Until when a call's client waits, by the protocol.
const GRPC_TIMEOUT: &str = "grpc-timeout";

/// The terms of a call.
pub(super) fn terms<T>(request: &Request<T>, config: &GrpcConfig) -> Result<Terms, ApiError> {
    let id = id(request.extensions());
    let text = |name: &'static str| text(request.metadata(), name);
    let own = text(GRPC_TIMEOUT).map(timeout).transpose()?;
    let session = text(X_SESSION_ID);
    let session = session.map(|id| id_of(X_SESSION_ID, id)).transpose()?;
    let limits = own.into_iter().chain(config.request_timeout);
    Ok(Terms::new(id, session, limits))
}

/// What is asked as one JSON object: `request_json`, and `question` or `messages`.
pub(super) fn body(request: InferenceRequest) -> Result<Map<String, Value>, ApiError> {
    let mut fields = match request.request_json.as_str() {
        "" => Map::new(),
        text => match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) => return Err(unfit("request_json", "must be a JSON object")),
            Err(error) => return Err(unfit("request_json", &format!("is no JSON: {error}"))),
        },
    };
    for field in ["model", "question", "messages", "stream", "stream_options"] {
        if fields.contains_key(field) {
            let message = format!("must not hold `{field}`, which the message itself says");
            return Err(unfit("request_json", &message));
        }
    }
    match request.input {
        None => {
            let message = "is required: `question` or `messages_json`";
            return Err(unfit("input", message));
        }
        Some(Input::Question(question)) => fields.insert("question".to_owned(), question.into()),
        Some(Input::MessagesJson(text)) => {
            let messages = serde_json::from_str(&text);
            let messages: Value = messages
                .map_err(|error| unfit("messages_json", &format!("is no JSON: {error}")))?;
            fields.insert("messages".to_owned(), messages)
        }
    };
    Ok(fields)
}

/// The same as a chat of a model.
pub(super) fn chat(mut fields: Map<String, Value>, model: String) -> Map<String, Value> {
    if let Some(question) = fields.remove("question") {
        let message = serde_json::json!({"role": "user", "content": question});
        fields.insert("messages".to_owned(), Value::Array(vec![message]));
    }
    fields.insert("model".to_owned(), model.into());
    fields
}

fn unfit(field: &str, message: &str) -> ApiError {
    ApiError::invalid(field, format!("{field} {message}"))
}

fn id(extensions: &Extensions) -> std::sync::Arc<str> {
    let id = extensions.get::<RequestId>();
    id.map_or_else(|| "".into(), |RequestId(id)| id.clone())
}

fn text<'m>(metadata: &'m MetadataMap, name: &'static str) -> Option<&'m str> {
    let value = metadata.get(name)?;
    Some(value.to_str().unwrap_or_default().trim())
}

/// At most eight digits and a unit.
fn timeout(text: &str) -> Result<Duration, ApiError> {
    let unfit = || {
        unfit(
            GRPC_TIMEOUT,
            "must be up to 8 digits and one of H, M, S, m, u, n",
        )
    };
    let unit = text.chars().last().ok_or_else(unfit)?;
    let digits = text.strip_suffix(unit).unwrap_or_default();
    let plain = (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let count: u64 = digits.parse().ok().filter(|_| plain).ok_or_else(unfit)?;
    Ok(match unit {
        'H' => Duration::from_secs(count * 3600),
        'M' => Duration::from_secs(count * 60),
        'S' => Duration::from_secs(count),
        'm' => Duration::from_millis(count),
        'u' => Duration::from_micros(count),
        'n' => Duration::from_nanos(count),
        _ => return Err(unfit()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_the_protocol_writes_them() {
        for (text, millis) in [
            ("5S", Some(5000)),
            ("100m", Some(100)),
            ("2M", Some(120_000)),
            ("1H", Some(3_600_000)),
            ("3000u", Some(3)),
            ("99999999n", Some(99)),
            ("123456789m", None),
            ("S", None),
            ("", None),
            ("5", None),
            ("+5S", None),
            ("5s", None),
            ("5é", None),
        ] {
            let read = timeout(text).ok().map(|t| t.as_millis());
            assert_eq!(read, millis, "{text}");
        }
    }
}
