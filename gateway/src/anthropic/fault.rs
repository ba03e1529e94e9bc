//! Errors in Anthropic's shape.
//!
//! Every error of the server carries itself along with its response, so the paths of this API say it again in their
//! own words, also where a layer made it that knows nothing of paths.

use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderName;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::error::ApiError;
use crate::http::X_REQUEST_ID;

/// An error as it stands in a body or in an event.
#[derive(Debug, Serialize)]
pub(super) struct Fault {
    #[serde(rename = "type")]
    kind: &'static str,
    error: FaultObject,
}

#[derive(Debug, Serialize)]
struct FaultObject {
    #[serde(rename = "type")]
    kind: &'static str,
    message: String,
}

/// Where the paths of this API begin.
const PREFIX: &str = "/v1/messages";
/// Anthropic's name for the id of a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

impl Fault {
    pub(super) fn of(error: &ApiError) -> Self {
        Self {
            kind: "error",
            error: FaultObject {
                kind: kind(error),
                message: error.to_string(),
            },
        }
    }
}

/// On the paths of this API, says errors in its shape and the request's id by its name.
pub(crate) async fn in_its_words(request: Request, next: Next) -> Response {
    let rest = request.uri().path().strip_prefix(PREFIX);
    if !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return next.run(request).await;
    }
    let id = request.headers().get(X_REQUEST_ID).cloned();
    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        let told = Json(Fault::of(&error)).into_response();
        let headers = response.headers_mut();
        headers.remove(CONTENT_LENGTH);
        if let Some(kind) = told.headers().get(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, kind.clone());
        }
        let body = Body::new(told.into_body());
        *response.body_mut() = body;
    }
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

fn kind(error: &ApiError) -> &'static str {
    match error {
        ApiError::Invalid { .. }
        | ApiError::MethodNotAllowed(_)
        | ApiError::Refused { .. }
        | ApiError::NotDeployed { .. } => "invalid_request_error",
        ApiError::ModelNotFound(_) | ApiError::UnknownPath(_) | ApiError::Missing(_) => {
            "not_found_error"
        }
        ApiError::BodyTooLarge { .. } => "request_too_large",
        ApiError::BodyTimeout { .. } | ApiError::TimedOut(_) => "timeout_error",
        ApiError::Busy { .. } => "rate_limit_error",
        ApiError::Unavailable { .. } => "overloaded_error",
        ApiError::Forbidden(_) => "permission_error",
        ApiError::StageFailed(_) | ApiError::Internal(_) => "api_error",
    }
}
