//! Reads a request's body whole, within a size and a time. The content type does not matter: a
//! client that forgets it means JSON all the same.

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_LENGTH;
use tokio::time::timeout;

use crate::error::ApiError;
use crate::state::SharedState;

/// The bytes of a body that is meant to be JSON.
#[derive(Debug)]
pub(crate) struct JsonBody(pub(crate) Bytes);

impl FromRequest<SharedState> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &SharedState) -> Result<Self, ApiError> {
        let limit = state.config().max_body_bytes;
        if declared_length(&request).is_some_and(|length| length > limit) {
            return Err(ApiError::BodyTooLarge { limit });
        }
        let patience = state.config().body_timeout;
        match timeout(patience, to_bytes(request.into_body(), limit)).await {
            Ok(Ok(bytes)) => Ok(Self(bytes)),
            Ok(Err(error)) => Err(unreadable(&error, limit)),
            Err(_) => Err(ApiError::BodyTimeout { limit: patience }),
        }
    }
}

fn declared_length(request: &Request) -> Option<usize> {
    let length = request.headers().get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// Either the body passed the limit, or the connection failed under it.
fn unreadable(error: &axum::Error, limit: usize) -> ApiError {
    let source = std::error::Error::source(error);
    if source.is_some_and(|e| e.is::<http_body_util::LengthLimitError>()) {
        return ApiError::BodyTooLarge { limit };
    }
    ApiError::Invalid {
        message: format!("the request body could not be read: {error}"),
        param: None,
        code: None,
    }
}
