//! The last net: a panic is a bug of ours, and still an answer in OpenAI's shape. What the request
//! held is given back by the guards that unwinding drops.

use std::any::Any;

use axum::response::{IntoResponse, Response};

use crate::error::ApiError;

/// Turns a caught panic into a response. The client learns nothing of our insides; the log does.
#[expect(clippy::needless_pass_by_value, reason = "the signature that tower-http asks for")]
pub(crate) fn answer_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&'static str>().copied())
        .unwrap_or("without a message");
    tracing::error!(panic = text, "a request handler panicked");
    ApiError::Internal("the server failed on this request".to_owned()).into_response()
}
