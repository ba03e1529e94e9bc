//! What has no route.

use axum::http::{Method, Uri};

use crate::error::ApiError;

/// Longest path that an error repeats.
const MAX_SHOWN: usize = 200;

/// No such path.
pub(crate) fn unknown_path(method: &Method, uri: &Uri) -> ApiError {
    ApiError::UnknownPath(shown(method, uri))
}

/// The path exists, but not for this method.
pub(super) fn wrong_method_at(method: &Method, uri: &Uri) -> ApiError {
    ApiError::MethodNotAllowed(shown(method, uri))
}

/// [`unknown_path`] as the router calls it.
pub(crate) async fn unknown(method: Method, uri: Uri) -> ApiError {
    unknown_path(&method, &uri)
}

/// [`wrong_method_at`] as the router calls it.
pub(crate) async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    wrong_method_at(&method, &uri)
}

fn shown(method: &Method, uri: &Uri) -> String {
    let path: String = uri.path().chars().take(MAX_SHOWN).collect();
    format!("{method} {path}")
}
