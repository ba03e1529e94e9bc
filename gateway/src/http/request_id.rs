//! `x-request-id`: on every response, taken from the client when it is sane.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use crate::edge::Edge;

/// The header, on requests and responses.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request's id, as handlers find it among its extensions.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) Arc<str>);

/// Longest id that is taken from a client: it ends up in logs and in the response.
const MAX_LEN: usize = 128;

/// Gives the request its id, puts it on the response, and lets the log name it.
pub(crate) async fn request_id(
    State(edge): State<Arc<Edge>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = match request.headers().get(X_REQUEST_ID) {
        Some(id) if is_sane(id) => id.clone(),
        _ => fresh(&edge),
    };
    request.headers_mut().insert(X_REQUEST_ID, id.clone());
    let shared = id.to_str().unwrap_or_default().into();
    request.extensions_mut().insert(RequestId(shared));
    let span = tracing::info_span!(
        "request",
        id = id.to_str().unwrap_or_default(),
        method = %request.method(),
        path = request.uri().path(),
    );
    let mut response = next.run(request).instrument(span).await;
    response.headers_mut().insert(X_REQUEST_ID, id);
    response
}

/// Letters, digits and the marks that ids are made of; nothing that could upset a log or a shell.
fn is_sane(id: &HeaderValue) -> bool {
    let ok = |b: &u8| b.is_ascii_alphanumeric() || b"-_.:/+=@".contains(b);
    (1..=MAX_LEN).contains(&id.len()) && id.as_bytes().iter().all(ok)
}

fn fresh(edge: &Edge) -> HeaderValue {
    HeaderValue::from_str(&edge.id("req_")).unwrap_or(HeaderValue::from_static("req_unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sane_ids_are_kept_and_others_replaced() {
        for (id, sane) in [
            ("a1b2-c3", true),
            ("4bf92f35:77b3/da_6.A+=@", true),
            ("", false),
            ("two words", false),
            ("<script>", false),
            ("tab\there", false),
            (&*"x".repeat(MAX_LEN), true),
            (&*"x".repeat(MAX_LEN + 1), false),
        ] {
            assert_eq!(is_sane(&HeaderValue::from_str(id).unwrap()), sane, "{id}");
        }
        assert!(!is_sane(&HeaderValue::from_bytes(b"caf\xc3\xa9").unwrap()));
    }
}
