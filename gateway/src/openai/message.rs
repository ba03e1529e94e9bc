//! Messages of a chat as clients send them, and as chat templates read them.

use std::collections::HashSet;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected};
use serde_json::{Value, json};

use super::object::AsObject;
use super::one_or_many::{OneOrMany, TextOr};
use crate::error::ApiError;

/// One message.
#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    role: Role,
    content: Option<Content>,
    name: Option<String>,
    tool_calls: Option<Vec<AsObject<ToolCall>>>,
    tool_call_id: Option<String>,
    reasoning_content: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    System,
    Developer,
    User,
    Assistant,
    Tool,
}

/// A text, or parts that are all texts.
#[derive(Debug)]
struct Content(OneOrMany<AsObject<Part>>);

#[derive(Debug, Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: PartKind,
    text: String,
}

#[derive(Debug)]
enum PartKind {
    Text,
}

/// A call that the assistant made in an earlier turn.
#[derive(Debug, Deserialize)]
struct ToolCall {
    id: Option<String>,
    function: AsObject<FunctionCall>,
}

#[derive(Debug, Deserialize)]
struct FunctionCall {
    name: String,
    arguments: Option<Value>,
}

/// Messages as the chat template takes them: plain JSON with `role`, `content`, and what else is
/// set. Fitting them to one template is the template's own business.
///
/// # Errors
/// Names the message and the field that is missing.
pub(crate) fn for_template(messages: Vec<AsObject<Message>>) -> Result<Vec<Value>, ApiError> {
    if messages.is_empty() {
        return Err(ApiError::invalid(
            "messages",
            "messages is empty; at least one message is needed",
        ));
    }
    let answered = calls_have_answers(&messages);
    let numbered = messages.into_iter().enumerate();
    let told: Result<_, _> = numbered.map(|(index, m)| m.0.for_template(index)).collect();
    let told = told?;
    answered?;
    Ok(told)
}

/// Results are those of calls that were made before. A call without an id may be any.
fn calls_have_answers(messages: &[AsObject<Message>]) -> Result<(), ApiError> {
    let mut known: HashSet<&str> = HashSet::new();
    let mut nameless = false;
    for (index, AsObject(message)) in messages.iter().enumerate() {
        let calls = message.tool_calls.iter().flatten().enumerate();
        let mut of_message = HashSet::new();
        for (place, AsObject(call)) in calls {
            match &call.id {
                Some(id) if of_message.insert(id) => {}
                Some(_) => {
                    let param = format!("messages[{index}].tool_calls[{place}].id");
                    let message = format!("{param} is that of another call too; ids are unique");
                    return Err(ApiError::invalid(param, message));
                }
                None => nameless = true,
            }
        }
        known.extend(of_message.into_iter().map(String::as_str));
        if let (Role::Tool, Some(id)) = (message.role, &message.tool_call_id)
            && !nameless
            && !known.contains(id.as_str())
        {
            let param = format!("messages[{index}].tool_call_id");
            let id: String = id.chars().take(70).collect();
            let message = format!(
                "{param}: no call before it has the id {id:?}; a result follows the assistant's message \
                 whose tool_calls it answers"
            );
            return Err(ApiError::invalid(param, message));
        }
    }
    Ok(())
}

impl Message {
    fn for_template(self, index: usize) -> Result<Value, ApiError> {
        let role = self.role;
        let missing = |field: &str, who: &str| {
            let path = format!("messages[{index}].{field}");
            let message = format!("the field `{path}` is required in a message of role {who}");
            Err(ApiError::invalid(path, message))
        };
        let calls = self.tool_calls.filter(|calls| !calls.is_empty());
        if calls.is_some() && role != Role::Assistant {
            let path = format!("messages[{index}].tool_calls");
            return Err(ApiError::invalid(
                &path,
                format!("{path}: only the assistant calls tools"),
            ));
        }
        if role == Role::Tool && self.tool_call_id.is_none() {
            return missing("tool_call_id", role.name());
        }
        if self.content.is_none() && calls.is_none() {
            return missing("content", role.name());
        }
        let mut message = json!({
            "role": role.for_template(),
            "content": self.content.map(Content::for_template).unwrap_or_else(|| json!("")),
        });
        for (field, value) in [
            ("name", self.name),
            ("tool_call_id", self.tool_call_id),
            ("reasoning_content", self.reasoning_content),
        ] {
            if let Some(value) = value {
                message[field] = Value::String(value);
            }
        }
        if let Some(calls) = calls {
            message["tool_calls"] = calls.into_iter().map(|c| c.0.for_template()).collect();
        }
        Ok(message)
    }
}

impl Role {
    const ALL: [Self; 5] = [
        Self::System,
        Self::Developer,
        Self::User,
        Self::Assistant,
        Self::Tool,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Developer => "developer",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }

    /// Templates know no developer; OpenAI's newer name for the system is the same voice.
    fn for_template(self) -> &'static str {
        match self {
            Self::System | Self::Developer => "system",
            Self::User | Self::Assistant | Self::Tool => self.name(),
        }
    }
}

impl ToolCall {
    fn for_template(self) -> Value {
        let AsObject(FunctionCall { name, arguments }) = self.function;
        let arguments = arguments.unwrap_or_else(|| json!({}));
        let function = json!({ "name": name, "arguments": arguments });
        let mut call = json!({ "type": "function", "function": function });
        if let Some(id) = self.id {
            call["id"] = Value::String(id);
        }
        call
    }
}

impl Content {
    fn for_template(self) -> Value {
        match self.0 {
            OneOrMany::Text(text) => Value::String(text),
            OneOrMany::Many(parts) => parts.into_iter().map(|p| p.0.for_template()).collect(),
        }
    }
}

impl Part {
    fn for_template(self) -> Value {
        match self.kind {
            PartKind::Text => json!({ "type": "text", "text": self.text }),
        }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = TextOr("a string or a list of content parts", PhantomData);
        deserializer.deserialize_any(visitor).map(Self)
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let role = Self::ALL.into_iter().find(|role| role.name() == name);
        let expected = r#""system", "developer", "user", "assistant" or "tool""#;
        role.ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&name), &expected))
    }
}

impl<'de> Deserialize<'de> for PartKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "text" => Ok(Self::Text),
            other => Err(D::Error::invalid_value(
                Unexpected::Str(other),
                &r#""text""#,
            )),
        }
    }
}
