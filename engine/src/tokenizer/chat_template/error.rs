//! Why a conversation could not be rendered.

use std::fmt;

use thiserror::Error;

/// What is wrong with a template, or with a conversation for it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// The model has no template.
    #[error(
        "the model has no chat template; give one with the model's configuration, or send the whole \
         prompt as text to the completions endpoint"
    )]
    Missing,
    /// A template does not compile.
    #[error("line {line} of the chat template `{name}` is not valid Jinja: {reason}")]
    Syntax {
        /// The template's name.
        name: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// The model has no template of this name.
    #[error("the model has no chat template `{name}`; it has {available}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names that there are.
        available: String,
    },
    /// There is nothing to render.
    #[error("messages is empty; a conversation needs at least one message")]
    Empty,
    /// A message is not one.
    #[error("{place} {reason}")]
    Message {
        /// Which one.
        place: MessagePlace,
        /// What is wrong with it.
        reason: String,
    },
    /// Two options exclude each other, or an option does not fit the conversation.
    #[error("{reason}")]
    Options {
        /// The option at fault, as OpenAI's API and its extensions spell it.
        param: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The template refuses the conversation (`raise_exception`).
    #[error("the model's chat template refuses {}: {message}", At(place.as_ref()))]
    Refused {
        /// The message at which it does so, when that can be told.
        place: Option<MessagePlace>,
        /// The template's words.
        message: String,
    },
    /// The template failed.
    #[error("line {line} of the model's chat template fails at {}: {reason}", At(place.as_ref()))]
    Failed {
        /// The message at which it does so, when that can be told.
        place: Option<MessagePlace>,
        /// The line, from 1.
        line: usize,
        /// Why.
        reason: String,
    },
    /// The template does not come to an end.
    #[error("the model's chat template runs for more than {limit} instructions")]
    Endless {
        /// The limit.
        limit: u64,
    },
    /// The prompt is too long.
    #[error("the rendered chat template is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
}

/// Names a message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagePlace {
    /// Its index, from 0.
    pub index: usize,
    /// Its role, if it has one.
    pub role: Option<String>,
}

impl TemplateError {
    /// Whether another conversation or other options could succeed: the client's fault, not the
    /// model's.
    pub fn is_request_fault(&self) -> bool {
        match self {
            Self::Missing
            | Self::Unknown { .. }
            | Self::Empty
            | Self::Message { .. }
            | Self::Options { .. }
            | Self::Refused { .. }
            | Self::TooLong { .. } => true,
            // Templates fail rather than refuse when a message lacks what they read.
            Self::Failed { place, .. } => place.is_some(),
            Self::Syntax { .. } | Self::Endless { .. } => false,
        }
    }
}

impl fmt::Display for MessagePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "messages[{}]", self.index)?;
        match &self.role {
            Some(role) => write!(f, " (role `{role}`)"),
            None => Ok(()),
        }
    }
}

/// The place in words, or the conversation as a whole.
struct At<'a>(Option<&'a MessagePlace>);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(place) => place.fmt(f),
            None => f.write_str("the conversation"),
        }
    }
}
