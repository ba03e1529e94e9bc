//! `POST {route_prefix}`: an application by its own path, JSON in, and JSON or events out.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::Method;
use axum::http::header::ACCEPT;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::unknown;
use crate::admission::Guarded;
use crate::catalogue::ServedApplication;
use crate::error::ApiError;
use crate::generation::{Asked, ask, whole};
use crate::http::{JsonBody, Terms, with_server_timing};
use crate::openai::{PlainEncoder, PlainRequest, plain_payload};
use crate::sse;
use crate::state::SharedState;
use crate::telemetry::Operation;

/// Answers what lies below an application's `route_prefix`; the longest prefix wins. All else is
/// unknown. A text is answered with the application's output alone; an object, which has `question` or
/// `messages`, with an object that also has what the answer was made from. Where the object has
/// `"stream": true`, or the client accepts `text/event-stream`, the pieces of the answer come as events.
pub(super) async fn by_prefix(
    State(state): State<SharedState>,
    request: Request,
) -> Result<Response, ApiError> {
    let arrived = Instant::now();
    let Some(application) = below(&state, request.uri().path()) else {
        return Err(unknown::unknown_path(request.method(), request.uri()));
    };
    if request.method() != Method::POST {
        return Err(unknown::wrong_method_at(request.method(), request.uri()));
    }
    if state.lifecycle().is_draining() {
        return Err(state.stopping(true));
    }
    let (mut parts, body) = request.into_parts();
    let terms = Terms::from_request_parts(&mut parts, &state).await?;
    let accepts_stream = accepts_events(&parts);
    let request = Request::from_parts(parts, body);
    let JsonBody(body) = JsonBody::from_request(request, &state).await?;
    let PlainRequest {
        payload,
        bare,
        stream,
    } = plain_payload(&body)?;
    drop(body);
    let call = terms.call();
    let when = (call.clone(), arrived, terms.deadline());
    let asked = ask(&state, &application, Operation::Chat, payload, when).await?;
    let output = application.app().output();
    let response = if stream || accepts_stream {
        let encoder = PlainEncoder::new(output, asked.sources);
        sse::respond(&state, asked.answers, encoder)
    } else {
        whole_answer(asked, &output, bare).await?
    };
    Ok(with_server_timing(response, &call))
}

async fn whole_answer(asked: Asked, output: &str, bare: bool) -> Result<Response, ApiError> {
    let Asked {
        mut answers,
        sources,
    } = asked;
    let text = whole(&mut answers)
        .await?
        .pop()
        .map_or_else(String::new, |choice| choice.text);
    let told = match (bare, sources) {
        (true, _) => Value::String(text),
        (false, Value::Null) => json!({ output: text }),
        (false, sources) => json!({ output: text, "penstock": { "sources": sources } }),
    };
    let permit = answers.into_permit();
    Ok(Json(told)
        .into_response()
        .map(|body| Guarded::body(body, permit)))
}

/// Whether the client says that it wants events.
fn accepts_events(parts: &Parts) -> bool {
    let mut accepted = parts.headers.get_all(ACCEPT).iter();
    accepted.any(|accept| {
        let kinds = accept.to_str().unwrap_or_default().split(',');
        let essence = |kind: &str| kind.split(';').next().unwrap_or_default().trim().to_owned();
        kinds.map(essence).any(|kind| kind == "text/event-stream")
    })
}

/// The application with the longest prefix that `path` is, or lies below.
fn below(state: &SharedState, path: &str) -> Option<Arc<ServedApplication>> {
    let catalogue = state.catalogue().ok()?;
    let prefix_len = |served: &ServedApplication| {
        let prefix = served.app().route_prefix()?;
        let rest = path.strip_prefix(&*prefix)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(prefix.len())
    };
    let served = catalogue.applications().iter();
    let below = served.filter_map(|a| prefix_len(a).map(|len| (len, a)));
    below
        .max_by_key(|(len, _)| *len)
        .map(|(_, a)| Arc::clone(a))
}
