//! The last net: a panic is a bug of ours, and still an answer in OpenAI's shape. What the request
//! held is given back by the guards that unwinding drops.

use std::any::Any;

use axum::response::{IntoResponse, Response};

use crate::error::ApiError;

/// Turns a caught panic into a response. The client learns nothing of our insides; the log does.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that tower-http asks for"
)]
pub(crate) fn answer_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&'static str>().copied())
        .unwrap_or("without a message");
    tracing::error!(panic = text, "a request handler panicked");
    ApiError::Internal("the server failed on this request".to_owned()).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_answered_in_openais_shape_and_tells_nothing() {
        let response = answer_panic(Box::new("index out of bounds"));
        assert_eq!(response.status().as_u16(), 500);
        let body = to_bytes(response.into_body(), 1024).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["error"]["type"], "server_error");
        assert_eq!(
            body["error"]["message"],
            "the server failed on this request"
        );
    }
}
