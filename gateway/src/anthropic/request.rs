//! A request of Anthropic's, from bytes to the chat that it means.

use std::marker::PhantomData;

use serde::de::{Deserializer, Error, Unexpected};
use serde::{Deserialize, Serialize};

use super::tables::{COUNT_TOKENS, MESSAGES};
use super::to_chat::to_chat;
use crate::error::ApiError;
use crate::openai::{AsObject, ChatRequest, OneOrMany, Rules, TextOr, judged, required, typed};

/// What a client wants of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct MessagesRequest {
    /// The chat that it means.
    pub chat: ChatRequest,
    /// Whether the last message is the beginning of the answer.
    pub prefilled: bool,
    /// Fields that no table knows.
    pub unknown_fields: usize,
}

/// What is asked of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// An answer.
    Answer,
    /// Its tokens, counted.
    Count,
}

/// A request's fields.
#[derive(Debug, Deserialize)]
pub(super) struct Wire {
    pub(super) model: Option<String>,
    pub(super) messages: Option<Vec<AsObject<Turn>>>,
    pub(super) system: Option<Blocks>,
    pub(super) max_tokens: Option<u32>,
    pub(super) stop_sequences: Option<Vec<String>>,
    pub(super) stream: Option<bool>,
    pub(super) temperature: Option<f32>,
    pub(super) top_p: Option<f32>,
    pub(super) top_k: Option<u32>,
}

/// One message.
#[derive(Debug, Deserialize)]
pub(super) struct Turn {
    pub(super) role: Role,
    pub(super) content: Blocks,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    User,
    Assistant,
}

/// A text, or blocks that are all texts.
#[derive(Debug)]
pub(super) struct Blocks(pub(super) Vec<String>);

#[derive(Debug, Deserialize)]
struct Block {
    /// Proves itself while it is read.
    #[serde(rename = "type")]
    _kind: TextKind,
    text: String,
}

#[derive(Debug)]
struct TextKind;

/// Reads the body of `POST /v1/messages`, or of `count_tokens`, which has no limits.
///
/// # Errors
/// [`ApiError::Invalid`] names the field at fault.
pub fn messages_request(
    body: &[u8],
    rules: Rules,
    extent: Extent,
) -> Result<MessagesRequest, ApiError> {
    let table = match extent {
        Extent::Answer => MESSAGES,
        Extent::Count => COUNT_TOKENS,
    };
    let (request, unknown_fields) = judged(body, table, rules)?;
    let wire: Wire = typed(&request)?;
    required(wire.model.as_ref(), "model")?;
    let messages = required(wire.messages.as_ref(), "messages")?;
    let Some(AsObject(last)) = messages.last() else {
        let message = "messages is empty; at least one message is needed";
        return Err(ApiError::invalid("messages", message));
    };
    let prefilled = last.role == Role::Assistant;
    if extent == Extent::Answer && required(wire.max_tokens, "max_tokens")? == 0 {
        let message = "max_tokens must be at least 1, but is 0";
        return Err(ApiError::invalid("max_tokens", message));
    }
    Ok(MessagesRequest {
        chat: to_chat(wire, prefilled, rules)?,
        prefilled,
        unknown_fields,
    })
}

impl<'de> Deserialize<'de> for Blocks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor =
            TextOr::<AsObject<Block>>("a string or a list of content blocks", PhantomData);
        Ok(Self(match deserializer.deserialize_any(visitor)? {
            OneOrMany::Text(text) => vec![text],
            OneOrMany::Many(blocks) => blocks.into_iter().map(|block| block.0.text).collect(),
        }))
    }
}

impl<'de> Deserialize<'de> for TextKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "text" => Ok(Self),
            other => Err(D::Error::invalid_value(
                Unexpected::Str(other),
                &r#""text", since models here read text and call no tools"#,
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "user" => Ok(Self::User),
            "assistant" => Ok(Self::Assistant),
            other => Err(D::Error::invalid_value(
                Unexpected::Str(other),
                &r#""user" or "assistant"; what the system says stands in `system`"#,
            )),
        }
    }
}
