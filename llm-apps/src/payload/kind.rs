//! What a variable holds, as far as stages care.

use std::fmt;

use serde_json::Value;

/// The shape of a variable's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Whatever JSON can say.
    Any,
    /// Null: what a loop has yet to make, in its first attempt.
    Nothing,
    /// A text.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list of anything.
    List,
    /// Named values.
    Object,
    /// A conversation: a list of `{role, content, ...}`.
    Messages,
    /// What a lookup found: a list of [`Passage`](super::Passage)s.
    Passages,
}

impl Kind {
    /// Whether a value of this kind will do where `wanted` is asked for. What is known to be anything
    /// may turn out to fit, and is looked at when it is there.
    pub fn serves(self, wanted: Self) -> bool {
        let list = |kind| matches!(kind, Self::Messages | Self::Passages);
        self == wanted
            || (self == Self::Any && wanted != Self::Nothing)
            || wanted == Self::Any
            || (wanted == Self::List && list(self))
            || (self == Self::List && list(wanted))
    }

    /// Whether a value is of this kind.
    pub fn holds(self, value: &Value) -> bool {
        let each =
            |fits: fn(&Value) -> bool| value.as_array().is_some_and(|list| list.iter().all(fits));
        match self {
            Self::Any => true,
            Self::Nothing => value.is_null(),
            Self::Text => value.is_string(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::List => value.is_array(),
            Self::Object => value.is_object(),
            Self::Messages => each(|item| item.get("role").is_some_and(Value::is_string)),
            Self::Passages => each(|item| item.get("text").is_some_and(Value::is_string)),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "a value",
            Self::Nothing => "nothing yet",
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::List => "a list",
            Self::Object => "an object",
            Self::Messages => "messages",
            Self::Passages => "passages",
        })
    }
}
