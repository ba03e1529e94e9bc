//! Bodies of requests to conversations.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::history::item_id;
use super::items::{Input, Item, stored};
use super::tables::{CONVERSATION, CONVERSATION_ITEMS, CONVERSATIONS};
use crate::error::ApiError;
use crate::openai::{Rules, judged, metadata, required, typed};

/// `POST /v1/conversations`, proved.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NewConversation {
    pub(crate) items: Vec<Value>,
    /// An object.
    pub(crate) metadata: Value,
    /// Fields that no table knows.
    pub(crate) unknown_fields: usize,
}

#[derive(Debug, Deserialize)]
struct WireItems {
    items: Option<Input>,
}

#[derive(Debug, Deserialize)]
struct WireMetadata {
    metadata: Option<Map<String, Value>>,
}

/// Items that one request may add, as in OpenAI's API.
const MAX_ITEMS: usize = 20;

/// Reads the body of `POST /v1/conversations`; `id` is the conversation's.
///
/// # Errors
/// [`ApiError::Invalid`] names the field at fault.
pub(crate) fn conversation_request(
    body: &[u8],
    rules: Rules,
    id: &str,
) -> Result<NewConversation, ApiError> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    let (request, unknown_fields) = judged(body, CONVERSATIONS, rules)?;
    Ok(NewConversation {
        items: items(&request, id)?.unwrap_or_default(),
        metadata: told(&request)?,
        unknown_fields,
    })
}

/// Reads the body of `POST /v1/conversations/{id}`: its metadata, and how many fields no table knows.
///
/// # Errors
/// [`ApiError::Invalid`] names the field at fault.
pub(crate) fn description(body: &[u8], rules: Rules) -> Result<(Value, usize), ApiError> {
    let (request, unknown_fields) = judged(body, CONVERSATION, rules)?;
    required(request.get("metadata"), "metadata")?;
    Ok((told(&request)?, unknown_fields))
}

/// Reads the body of `POST /v1/conversations/{id}/items`; the items get ids like `owner`.
///
/// # Errors
/// [`ApiError::Invalid`] names the field at fault.
pub(crate) fn new_items(
    body: &[u8],
    rules: Rules,
    owner: &str,
) -> Result<(Vec<Value>, usize), ApiError> {
    let (request, unknown_fields) = judged(body, CONVERSATION_ITEMS, rules)?;
    let items = required(items(&request, owner)?, "items")?;
    if items.is_empty() {
        let message = "items is empty; at least one item is needed";
        return Err(ApiError::invalid("items", message));
    }
    Ok((items, unknown_fields))
}

fn items(request: &Value, owner: &str) -> Result<Option<Vec<Value>>, ApiError> {
    let wire: WireItems = typed(request)?;
    let Some(input) = wire.items else {
        return Ok(None);
    };
    if !request["items"].is_array() {
        return Err(ApiError::invalid("items", "items must be a list"));
    }
    let items = input.items("items")?;
    if items.len() > MAX_ITEMS {
        let message = format!(
            "items may have {MAX_ITEMS} entries at most, but has {}",
            items.len()
        );
        return Err(ApiError::invalid("items", message));
    }
    let kept = |(number, item)| match item {
        Item::Message { role, texts } => Ok(stored(&item_id(owner, number), role, texts)),
        Item::Reference { path, .. } => {
            let path = format!("{path}.type");
            let message =
                format!("{path} must be \"message\"; a conversation has items of its own");
            Err(ApiError::invalid(path, message))
        }
    };
    let kept = items.into_iter().enumerate().map(kept);
    kept.collect::<Result<_, _>>().map(Some)
}

fn told(request: &Value) -> Result<Value, ApiError> {
    let wire: WireMetadata = typed(request)?;
    let metadata = metadata(wire.metadata)?;
    Ok(if metadata.is_null() {
        json!({})
    } else {
        metadata
    })
}
