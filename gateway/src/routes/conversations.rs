//! `/v1/conversations` and their items.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::http::JsonBody;
use crate::openai::{Deleted, ListObject, Paging};
use crate::responses::{Keeping, conversation_request, description, new_items};
use crate::state::SharedState;
use crate::store::{ConversationRecord, Page, StoreError};

/// Entries of a page without a limit, and at most.
const PAGE: (usize, usize) = (20, 100);

/// Begins a conversation.
pub(super) async fn create(
    State(state): State<SharedState>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let id = state.edge().id("conv_");
    let new = conversation_request(&body, state.rules(), &id)?;
    state.telemetry().unknown_fields(new.unknown_fields);
    let conversation = ConversationRecord {
        id,
        created_at: state.edge().now(),
        metadata: new.metadata,
        items: 0,
        bytes: 0,
        next: 0,
    };
    let keeping = keeping(&state).await;
    let most = keeping.conversations;
    let added = keeping
        .store
        .add_conversation(conversation.clone(), new.items, most);
    added
        .await
        .map_err(|error| ApiError::store(&error, Some("items")))?;
    Ok(Json(object(&conversation)).into_response())
}

/// What is known of a conversation.
pub(super) async fn one(
    State(state): State<SharedState>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let conversation = keeping(&state).await.store.conversation(id).await;
    let conversation = conversation.map_err(|error| unkept(&error))?;
    Ok(Json(object(&conversation)).into_response())
}

/// Changes its metadata.
pub(super) async fn update(
    State(state): State<SharedState>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let (metadata, unknown_fields) = description(&body, state.rules())?;
    state.telemetry().unknown_fields(unknown_fields);
    let store = &keeping(&state).await.store;
    let conversation = store.describe_conversation(id, metadata).await;
    let conversation = conversation.map_err(|error| unkept(&error))?;
    Ok(Json(object(&conversation)).into_response())
}

/// Forgets it and its items.
pub(super) async fn delete(
    State(state): State<SharedState>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let forgotten = keeping(&state).await.store.forget_conversation(id.clone());
    forgotten.await.map_err(|error| unkept(&error))?;
    Ok(Json(Deleted::new(id, "conversation.deleted")).into_response())
}

/// Puts items at its end.
pub(super) async fn add_items(
    State(state): State<SharedState>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let owner = state.edge().id("items_");
    let (items, unknown_fields) = new_items(&body, state.rules(), &owner)?;
    state.telemetry().unknown_fields(unknown_fields);
    let added = keeping(&state).await.store.add_items(id, items.clone());
    added.await.map_err(|error| match error {
        StoreError::Refused(_) => ApiError::store(&error, Some("items")),
        StoreError::Off
        | StoreError::InUse(_)
        | StoreError::Missing { .. }
        | StoreError::Failed(_) => unkept(&error),
    })?;
    let page = Page {
        items,
        has_more: false,
    };
    Ok(Json(ListObject::of_values(page)).into_response())
}

/// Its items by pages.
pub(super) async fn items(
    State(state): State<SharedState>,
    Path(id): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Response, ApiError> {
    let request = Paging::new(query).request(PAGE.0, PAGE.1)?;
    let store = &keeping(&state).await.store;
    // Whether there is such a conversation is not the page's fault.
    let known = store.conversation(id.clone()).await;
    known.map_err(|error| unkept(&error))?;
    let page = store.items_page(id, request).await;
    let page = page.map_err(|error| ApiError::store(&error, Some("after")))?;
    Ok(Json(ListObject::of_values(page)).into_response())
}

/// One of its items.
pub(super) async fn item(
    State(state): State<SharedState>,
    Path((id, item)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let items = keeping(&state).await.store.items(id).await;
    let mut items = items.map_err(|error| unkept(&error))?.into_iter();
    let found = items.find(|found| found["id"] == *item);
    let missing = || unkept(&StoreError::missing("item", &item));
    Ok(Json(found.ok_or_else(missing)?).into_response())
}

/// Takes an item out.
pub(super) async fn delete_item(
    State(state): State<SharedState>,
    Path((id, item)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let left = keeping(&state).await.store.forget_item(id, item).await;
    let left = left.map_err(|error| unkept(&error))?;
    Ok(Json(object(&left)).into_response())
}

fn object(conversation: &ConversationRecord) -> Value {
    json!({
        "id": conversation.id,
        "object": "conversation",
        "created_at": conversation.created_at,
        "metadata": conversation.metadata,
    })
}

async fn keeping(state: &SharedState) -> &Keeping {
    state.responses().keeping(state.store()).await
}

fn unkept(error: &StoreError) -> ApiError {
    ApiError::store(error, None)
}
