//! What a response reads before its own input, and the ids of items.

use serde_json::{Value, json};

use super::items::{Item, stored, to_chat};
use super::request::{After, ResponseRequest, in_our_words};
use super::room::Keeping;
use crate::error::ApiError;
use crate::openai::{ChatRequest, Rules, chat_request};
use crate::state::Gateway;
use crate::store::{Earlier, ResponseRecord, StoreError};

/// Prefixes of ids.
pub(crate) const RESPONSE: &str = "resp_";
const MESSAGE: &str = "msg_";
/// Letters of an id behind its prefix.
const ID_LEN: usize = 32;

/// A request with all that it reads.
#[derive(Debug)]
pub(super) struct Read {
    /// The items of the request, as they are kept.
    pub(super) input: Vec<Value>,
    pub(super) chat: ChatRequest,
}

/// The id of an item of a response, or of another place whose id ends like `owner`.
pub(super) fn item_id(owner: &str, number: usize) -> String {
    let own = owner.split_once('_').map_or(owner, |(_, own)| own);
    format!("{MESSAGE}{own}{number:04x}")
}

/// Gathers what a request reads, and tells it as the chat that it means.
///
/// # Errors
/// Something that it names is not there, or the chat is at fault.
pub(super) async fn read(
    state: &Gateway,
    keeping: &Keeping,
    request: &ResponseRequest,
    id: &str,
    rules: Rules,
) -> Result<Read, ApiError> {
    let mut items = before(state, keeping, &request.after).await?;
    let input = resolved(state, keeping, &items, &request.input, id).await?;
    items.extend(input.iter().cloned());
    let instructions = request.instructions.as_ref();
    let instructions = instructions.map(|text| json!({"role": "system", "content": text}));
    let messages = instructions.into_iter().chain(items.iter().map(to_chat));
    let mut body = request.chat.clone();
    body["messages"] = messages.collect();
    let chat = chat_request(body.to_string().as_bytes(), rules).map_err(in_our_words)?;
    Ok(Read { input, chat })
}

/// The items before the input.
async fn before(state: &Gateway, keeping: &Keeping, after: &After) -> Result<Vec<Value>, ApiError> {
    match after {
        After::Nothing => Ok(Vec::new()),
        After::Response(id) => {
            let since = keeping.since(state);
            let earlier = keeping.store.responses_up_to(id.clone(), since).await;
            let param = Some("previous_response_id");
            match earlier.map_err(|error| ApiError::store(&error, param))? {
                Earlier::Responses(earlier)
                    if earlier.iter().any(|record| !record.status.is_final()) =>
                {
                    let message = "the previous response is still being made; wait for its end";
                    Err(ApiError::invalid("previous_response_id", message))
                }
                Earlier::Responses(earlier) => {
                    Ok(earlier.iter().flat_map(ResponseRecord::items).collect())
                }
                Earlier::Lost(lost) => Err(lost_response(id, &lost)),
            }
        }
        After::Conversation(id) => {
            let items = keeping.store.items(id.clone()).await;
            items.map_err(|error| ApiError::store(&error, Some("conversation")))
        }
    }
}

/// The items of a request as they are kept, with ids of their own, and what they refer to in its place.
async fn resolved(
    state: &Gateway,
    keeping: &Keeping,
    before: &[Value],
    input: &[Item],
    id: &str,
) -> Result<Vec<Value>, ApiError> {
    let mut items = Vec::with_capacity(input.len());
    for (number, item) in input.iter().enumerate() {
        match item {
            Item::Message { role, texts } => {
                items.push(stored(&item_id(id, number), *role, texts.clone()));
            }
            // What goes before the input is read already.
            Item::Reference { id, .. } if before.iter().any(|item| item["id"] == **id) => {}
            Item::Reference { id, path } => {
                items.push(referred(state, keeping, id, path).await?);
            }
        }
    }
    Ok(items)
}

/// An item of a response that is kept.
async fn referred(
    state: &Gateway,
    keeping: &Keeping,
    id: &str,
    path: &str,
) -> Result<Value, ApiError> {
    let missing = || {
        let id: String = id.chars().take(80).collect();
        let message =
            format!("{path}.id: there is no item `{id}` among the responses that are kept");
        ApiError::invalid(format!("{path}.id"), message)
    };
    let own = id.strip_prefix(MESSAGE).and_then(|own| own.get(..ID_LEN));
    let response = format!("{RESPONSE}{}", own.ok_or_else(missing)?);
    let found = keeping.store.response(response, keeping.since(state)).await;
    let record = match found {
        Ok(record) => record,
        Err(StoreError::Missing { .. }) => return Err(missing()),
        Err(error) => return Err(ApiError::store(&error, Some(path))),
    };
    let mut items = record.items().into_iter();
    items.find(|item| item["id"] == *id).ok_or_else(missing)
}

/// There is no such response, or none of one before it.
fn lost_response(asked: &str, lost: &str) -> ApiError {
    let short = |id: &str| id.chars().take(80).collect::<String>();
    let message = match asked == lost {
        true => format!("previous response with id `{}` not found", short(lost)),
        false => format!(
            "previous response with id `{}` goes on from `{}`, which is not kept any more",
            short(asked),
            short(lost)
        ),
    };
    ApiError::Invalid {
        message,
        param: Some("previous_response_id".to_owned()),
        code: Some("previous_response_not_found"),
    }
}
