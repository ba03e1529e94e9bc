//! `GET /v1/files`, and `GET` and `DELETE` of one, and its content.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use tokio_util::io::ReaderStream;

use crate::error::ApiError;
use crate::openai::{Deleted, FileObject, ListObject, Paging};
use crate::state::SharedState;
use crate::store::{FileFilter, StoreError};

/// Entries of a page: without a limit, and at most.
const PAGE: usize = 10_000;
/// Bytes that are read at a time.
const PIECE: usize = 64 << 10;

/// Files, the latest first.
pub(super) async fn list(
    State(state): State<SharedState>,
    Query(query): Query<std::collections::BTreeMap<String, String>>,
) -> Result<Response, ApiError> {
    let paging = Paging::new(query);
    let request = paging.request(PAGE, PAGE)?;
    let filter = FileFilter {
        purpose: paging.field("purpose").map(str::to_owned),
        now: state.edge().now(),
    };
    let page = state.store().files(request, filter).await;
    let page = page.map_err(|error| ApiError::store(&error, Some("after")))?;
    let list = ListObject::of(page, |file| &file.id, FileObject::of);
    Ok(Json(list).into_response())
}

/// What is known of a file.
pub(super) async fn one(
    State(state): State<SharedState>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let file = state.store().file(id, state.edge().now()).await;
    let file = file.map_err(|error| unkept(&error))?;
    Ok(Json(FileObject::of(file)).into_response())
}

/// Forgets a file.
pub(super) async fn delete(
    State(state): State<SharedState>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let forgotten = state.store().forget_file(id.clone()).await;
    forgotten.map_err(|error| unkept(&error))?;
    Ok(Json(Deleted::new(id, "file")).into_response())
}

/// The bytes of a file, read as they go out.
pub(super) async fn content(
    State(state): State<SharedState>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let body = state.store().body(id, state.edge().now()).await;
    let (file, path) = body.map_err(|error| unkept(&error))?;
    let opened = tokio::fs::File::open(path).await;
    let opened = opened.map_err(|error| unkept(&StoreError::from(error)))?;
    let stream = Body::from_stream(ReaderStream::with_capacity(opened, PIECE));
    let kind = HeaderValue::from_static("application/octet-stream");
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_LENGTH, HeaderValue::from(file.bytes)),
    ];
    Ok((headers, stream).into_response())
}

fn unkept(error: &StoreError) -> ApiError {
    ApiError::store(error, None)
}
