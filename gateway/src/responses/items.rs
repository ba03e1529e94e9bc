//! Items of an input or a conversation: as clients send them, as they are kept, and as chats read them.
//!
//! What is kept is what clients are shown. Calls of functions and their outputs will be further kinds of
//! [`Item`]; until chats call tools they are refused here.

use std::marker::PhantomData;

use serde::de::{Deserializer, Error, Unexpected};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::openai::{AsObject, OneOrMany, TextOr};

/// One item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// What somebody said.
    Message {
        /// Who.
        role: Role,
        /// Its parts.
        texts: Vec<String>,
    },
    /// An item that is kept already.
    Reference {
        /// Its id.
        id: String,
        /// Where the reference stands in the request.
        path: String,
    },
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    User,
    System,
    Developer,
    Assistant,
}

/// A list of items, or a text of the user's.
#[derive(Debug)]
pub(super) struct Input(OneOrMany<AsObject<WireItem>>);

#[derive(Debug, Deserialize)]
struct WireItem {
    #[serde(rename = "type")]
    kind: Option<Kind>,
    id: Option<String>,
    role: Option<Role>,
    content: Option<Content>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Message,
    Reference,
}

/// A text, or parts that are all texts.
#[derive(Debug)]
struct Content(OneOrMany<AsObject<Part>>);

#[derive(Debug, Deserialize)]
struct Part {
    /// Proves itself while it is read.
    #[serde(rename = "type")]
    _kind: TextKind,
    text: String,
}

#[derive(Debug)]
struct TextKind;

impl Input {
    /// The items; `field` is where they stand in the request.
    ///
    /// # Errors
    /// Names what is missing.
    pub(super) fn items(self, field: &str) -> Result<Vec<Item>, ApiError> {
        match self.0 {
            OneOrMany::Text(text) => Ok(vec![Item::Message {
                role: Role::User,
                texts: vec![text],
            }]),
            OneOrMany::Many(items) => {
                let items = items.into_iter().enumerate();
                let item = |(index, AsObject(item)): (usize, AsObject<WireItem>)| {
                    item.proved(format!("{field}[{index}]"))
                };
                items.map(item).collect()
            }
        }
    }
}

impl WireItem {
    fn proved(self, path: String) -> Result<Item, ApiError> {
        let missing = |name: &str| {
            let path = format!("{path}.{name}");
            let message = format!("the field `{path}` is required");
            ApiError::invalid(path, message)
        };
        let reference = match self.kind {
            Some(kind) => kind == Kind::Reference,
            // The type of a reference may be left out.
            None => self.role.is_none() && self.content.is_none() && self.id.is_some(),
        };
        if reference {
            let id = self.id.ok_or_else(|| missing("id"))?;
            return Ok(Item::Reference { id, path });
        }
        let role = self.role.ok_or_else(|| missing("role"))?;
        let Content(content) = self.content.ok_or_else(|| missing("content"))?;
        let texts = match content {
            OneOrMany::Text(text) => vec![text],
            OneOrMany::Many(parts) => parts.into_iter().map(|part| part.0.text).collect(),
        };
        Ok(Item::Message { role, texts })
    }
}

/// A message as it is kept and shown.
pub(super) fn stored(id: &str, role: Role, texts: Vec<String>) -> Value {
    let part = |text: String| match role {
        Role::Assistant => {
            json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
        }
        Role::User | Role::System | Role::Developer => json!({"type": "input_text", "text": text}),
    };
    let content: Vec<Value> = texts.into_iter().map(part).collect();
    json!({"id": id, "type": "message", "role": role, "status": "completed", "content": content})
}

/// The message that a chat reads for an item that is kept.
pub(super) fn to_chat(item: &Value) -> Value {
    let parts = item["content"].as_array().map_or(&[][..], Vec::as_slice);
    let texts = parts.iter().map(|part| part["text"].clone());
    let content = match parts {
        [one] => one["text"].clone(),
        _ => texts
            .map(|text| json!({"type": "text", "text": text}))
            .collect(),
    };
    json!({"role": item["role"], "content": content})
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = TextOr("a string or a list of items", PhantomData);
        deserializer.deserialize_any(visitor).map(Self)
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = TextOr("a string or a list of content parts", PhantomData);
        deserializer.deserialize_any(visitor).map(Self)
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "message" => Ok(Self::Message),
            "item_reference" => Ok(Self::Reference),
            other => Err(D::Error::invalid_value(
                Unexpected::Str(other),
                &r#""message" or "item_reference", since this version does not call tools in responses"#,
            )),
        }
    }
}

impl<'de> Deserialize<'de> for TextKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "input_text" | "output_text" | "text" => Ok(Self),
            other => Err(D::Error::invalid_value(
                Unexpected::Str(other),
                &r#""input_text" or "output_text", since models here read text"#,
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "user" => Ok(Self::User),
            "system" => Ok(Self::System),
            "developer" => Ok(Self::Developer),
            "assistant" => Ok(Self::Assistant),
            other => Err(D::Error::invalid_value(
                Unexpected::Str(other),
                &r#""user", "assistant", "system" or "developer""#,
            )),
        }
    }
}
