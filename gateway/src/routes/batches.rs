//! `POST` and `GET /v1/batches`, one of them, and its cancelling.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;
use crate::http::JsonBody;
use crate::openai::{BatchObject, ListObject, Paging, WINDOW, batch_request};
use crate::state::SharedState;
use crate::store::{BatchRecord, BatchStatus, Counts, StoreError};

/// Entries of a page without a limit, and at most.
const PAGE: (usize, usize) = (20, 100);

/// Takes a batch, which is then worked on behind all requests.
pub(super) async fn create(
    State(state): State<SharedState>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let new = batch_request(&body, state.rules())?;
    state.telemetry().unknown_fields(new.unknown_fields);
    let created_at = state.edge().now();
    let batch = BatchRecord {
        id: state.edge().id("batch_"),
        endpoint: new.endpoint,
        input_file_id: new.input_file_id,
        completion_window: new.completion_window,
        status: BatchStatus::Validating,
        counts: Counts::default(),
        errors: Vec::new(),
        output_file_id: None,
        error_file_id: None,
        output_expires_after: new.output_expires_after,
        metadata: new.metadata,
        created_at,
        expires_at: created_at.saturating_add(WINDOW.1),
        in_progress_at: None,
        finalizing_at: None,
        cancelling_at: None,
        ended_at: None,
    };
    let added = state.store().add_batch(batch.clone()).await;
    added.map_err(|error| ApiError::store(&error, Some("input_file_id")))?;
    state.batches().look();
    Ok(Json(BatchObject::of(batch)).into_response())
}

/// Batches, the latest first.
pub(super) async fn list(
    State(state): State<SharedState>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Response, ApiError> {
    let request = Paging::new(query).request(PAGE.0, PAGE.1)?;
    let page = state.store().batches(request).await;
    let page = page.map_err(|error| ApiError::store(&error, Some("after")))?;
    let list = ListObject::of(page, |batch| &batch.id, BatchObject::of);
    Ok(Json(list).into_response())
}

/// How far a batch is.
pub(super) async fn one(
    State(state): State<SharedState>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let batch = state.store().batch(id).await;
    let batch = batch.map_err(|error| ApiError::store(&error, None))?;
    Ok(Json(BatchObject::of(batch)).into_response())
}

/// Stops a batch; what it has answered is kept.
pub(super) async fn cancel(
    State(state): State<SharedState>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let now = state.edge().now();
    let cancelling = state.store().change_batch(id.clone(), move |batch| {
        if batch.status.is_final() {
            let status = batch.status.name();
            let message = format!("a batch with the status \"{status}\" cannot be cancelled");
            return Err(StoreError::Refused(message));
        }
        batch.status = BatchStatus::Cancelling;
        batch.cancelling_at.get_or_insert(now);
        Ok(())
    });
    let batch = cancelling.await;
    let batch = batch.map_err(|error| ApiError::store(&error, None))?;
    state.batches().cancel(&id);
    Ok(Json(BatchObject::of(batch)).into_response())
}
