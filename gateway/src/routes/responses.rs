//! `/v1/responses`: creating, retrieving, deleting, cancelling, and the items of an input.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};

use crate::admission::Guarded;
use crate::error::ApiError;
use crate::http::{JsonBody, Terms, with_server_timing};
use crate::openai::{Deleted, ListObject, Paging};
use crate::responses::{self, Created, Keeping, Live, Making, Watching, object, response_request};
use crate::sse::respond_with;
use crate::state::{Gateway, SharedState};
use crate::store::{ResponseRecord, page_of};

/// Entries of a page without a limit, and at most.
const PAGE: (usize, usize) = (20, 100);

/// Answers, or begins to.
pub(super) async fn create(
    State(state): State<SharedState>,
    terms: Terms,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let request = response_request(&body, state.rules())?;
    drop(body);
    state.telemetry().unknown_fields(request.unknown_fields);
    let stream = request.stream;
    match responses::create(&state, request, terms).await? {
        Created::Background(live) if stream => Ok(respond_with(&state, Watching::from(live, 0))),
        Created::Background(live) => Ok(Json(live.look(object)).into_response()),
        Created::Foreground(run, call) if stream => {
            let response = respond_with(&state, Making::new(*run));
            Ok(with_server_timing(response, &call))
        }
        Created::Foreground(mut run, call) => {
            while run.step().await {}
            if let Some(error) = run.take_error() {
                return Err(error);
            }
            let response = Json(run.live().look(object)).into_response();
            let permit = run.into_permit();
            let response = response.map(|body| Guarded::body(body, permit));
            Ok(with_server_timing(response, &call))
        }
    }
}

/// A response as it stands, or its events from one on.
pub(super) async fn one(
    State(state): State<SharedState>,
    Path(id): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Response, ApiError> {
    let from = first_event(&Paging::new(query))?;
    let live = found(&state, &id).await?;
    Ok(match from {
        Some(from) => respond_with(&state, Watching::from(live, from)),
        None => Json(live.look(object)).into_response(),
    })
}

/// Forgets a response; one in the background is cancelled first.
pub(super) async fn delete(
    State(state): State<SharedState>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    if let Some(live) = state.responses().live(&id) {
        if !live.look(|record| record.background) {
            let message =
                "the response is still being made; it ends with the connection of its client";
            return Err(refused(message));
        }
        live.cancel();
        live.ended().await;
    }
    let keeping = keeping(&state).await;
    let forgotten = keeping
        .store
        .forget_response(id.clone(), keeping.since(&state));
    forgotten
        .await
        .map_err(|error| ApiError::store(&error, None))?;
    Ok(Json(Deleted::new(id, "response")).into_response())
}

/// Ends a response in the background; one that has ended stays as it is.
pub(super) async fn cancel(
    State(state): State<SharedState>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let live = found(&state, &id).await?;
    if !live.look(|record| record.background) {
        return Err(refused(
            "only responses that were made with background: true can be cancelled",
        ));
    }
    live.cancel();
    live.ended().await;
    Ok(Json(live.look(object)).into_response())
}

/// The items of a response's own input, by pages.
pub(super) async fn input_items(
    State(state): State<SharedState>,
    Path(id): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Response, ApiError> {
    let request = Paging::new(query).request(PAGE.0, PAGE.1)?;
    let live = found(&state, &id).await?;
    let input = live.look(|record| record.input.clone());
    let page = page_of(input, &request);
    let page = page.map_err(|error| ApiError::store(&error, Some("after")))?;
    Ok(Json(ListObject::of_values(page)).into_response())
}

/// The number of the first event that is wanted, if events are.
fn first_event(query: &Paging) -> Result<Option<u64>, ApiError> {
    let stream = match query.field("stream") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(ApiError::invalid("stream", "stream must be true or false")),
    };
    let after = query.field("starting_after");
    if after.is_some() && !stream {
        let message = "starting_after is only allowed when stream is true";
        return Err(ApiError::invalid("starting_after", message));
    }
    let after = after.map(|text| {
        let number = text.parse::<u64>();
        number.map_err(|_| {
            let message = "starting_after must be the sequence_number of an event";
            ApiError::invalid("starting_after", message)
        })
    });
    let after = after.transpose()?;
    Ok(stream.then(|| after.map_or(0, |after| after.saturating_add(1))))
}

/// A response that is being made, or that is kept.
async fn found(state: &Gateway, id: &str) -> Result<Arc<Live>, ApiError> {
    // One that was not made yet at the first look is made at the second, or has ended by then.
    for _ in 0..2 {
        if let Some(live) = state.responses().live(id) {
            return Ok(live);
        }
        let record = kept(state, id.to_owned()).await?;
        if record.status.is_final() {
            return Ok(Live::new(record));
        }
    }
    // Its end could not be kept.
    let record = kept(state, id.to_owned()).await?;
    Ok(Live::new(record.lost()))
}

async fn kept(state: &Gateway, id: String) -> Result<ResponseRecord, ApiError> {
    let keeping = keeping(state).await;
    let record = keeping.store.response(id, keeping.since(state)).await;
    record.map_err(|error| ApiError::store(&error, None))
}

async fn keeping(state: &Gateway) -> &Keeping {
    state.responses().keeping(state.store()).await
}

fn refused(message: &str) -> ApiError {
    ApiError::Invalid {
        message: message.to_owned(),
        param: None,
        code: None,
    }
}
