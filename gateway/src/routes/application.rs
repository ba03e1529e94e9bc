//! `POST {route_prefix}`: an application by its own path, JSON in and JSON out.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use llm_apps::stage::Call;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::unknown;
use crate::admission::Guarded;
use crate::catalogue::ServedApplication;
use crate::error::ApiError;
use crate::generation::{Asked, ask, whole};
use crate::http::{JsonBody, RequestId, RoutingHeaders};
use crate::openai::plain_payload;
use crate::state::SharedState;

/// Answers what lies below an application's `route_prefix`; the longest prefix wins. All else is
/// unknown. A text is answered with the application's output alone; an object, which has `question` or
/// `messages`, with an object that also has what the answer was made from.
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
    let id = request.extensions().get::<RequestId>().cloned();
    let routing = RoutingHeaders::of(request.headers());
    let JsonBody(body) = JsonBody::from_request(request, &state).await?;
    let (payload, bare) = plain_payload(&body)?;
    drop(body);
    let RequestId(id) = id.unwrap_or_else(|| RequestId("".into()));
    let call = routing.tell(Call::new(id));
    let asked = ask(&state, &application, payload, call, arrived).await?;
    let Asked {
        mut answers,
        sources,
    } = asked;
    let text = whole(&mut answers)
        .await?
        .pop()
        .map_or_else(String::new, |choice| choice.text);
    let output = application.app().output();
    let told = match (bare, sources) {
        (true, _) => Value::String(text),
        (false, Value::Null) => json!({ &*output: text }),
        (false, sources) => json!({ &*output: text, "penstock": { "sources": sources } }),
    };
    let permit = answers.into_permit();
    Ok(Json(told)
        .into_response()
        .map(|body| Guarded::body(body, permit)))
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
