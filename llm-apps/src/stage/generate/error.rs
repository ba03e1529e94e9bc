//! Why a request was not taken.

use engine::constraint::GrammarError;
use engine::tokenizer::{InvalidStop, TemplateError, TokenizerError};
use engine::{EngineError, InvalidRequest};
use thiserror::Error;

/// Why a request cannot be prepared, or was not accepted.
#[derive(Debug, Error)]
pub enum GenerateError {
    /// A parameter or the prompt does not fit the model.
    #[error("{error}")]
    Invalid {
        /// What does not fit.
        error: InvalidRequest,
        /// The field that holds the prompt, as OpenAI's API spells it.
        prompt_param: &'static str,
    },
    /// The prompt's text is longer than any that fits the context. It was not tokenized.
    #[error(
        "this model's maximum context length is {max_model_len} tokens, which stand for {max_bytes} bytes of text \
         at most, but the prompt has {bytes} bytes"
    )]
    PromptTooLong {
        /// Bytes of the text.
        bytes: usize,
        /// Bytes that could fit.
        max_bytes: usize,
        /// The model's limit, in tokens.
        max_model_len: usize,
        /// The field that holds the prompt, as OpenAI's API spells it.
        prompt_param: &'static str,
    },
    /// The stop strings cannot be used.
    #[error(transparent)]
    Stop(#[from] InvalidStop),
    /// The answer cannot have the form that is asked for.
    #[error("{error}")]
    Form {
        /// Why not.
        error: GrammarError,
        /// The field at fault, as OpenAI's API spells it.
        param: String,
    },
    /// A label cannot be told by one token.
    #[error("`{label}` is not one token of its own where this model's answer begins")]
    Label {
        /// Which.
        label: String,
    },
    /// The conversation cannot be rendered.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The prompt cannot be tokenized.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The engine does not take the request.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The work on the prompt was broken off: a defect, or the process is stopping.
    #[error("the prompt could not be prepared: {reason}")]
    Aborted {
        /// What happened.
        reason: String,
    },
}

impl GenerateError {
    /// A stable name for metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Invalid { error, .. } => match error {
                InvalidRequest::ContextLength { .. } | InvalidRequest::NoRoom { .. } => {
                    "context_length"
                }
                InvalidRequest::OutOfRange { .. }
                | InvalidRequest::EmptyPrompt
                | InvalidRequest::UnknownToken { .. } => "invalid",
            },
            Self::PromptTooLong { .. } => "context_length",
            Self::Stop(_) | Self::Form { .. } | Self::Label { .. } => "invalid",
            Self::Template(_) => "template",
            Self::Tokenizer(_) => "tokenizer",
            Self::Engine(error) => error.kind(),
            Self::Aborted { .. } => "aborted",
        }
    }

    /// The field at fault, as OpenAI's API spells it, when it is one field's fault.
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::Invalid {
                error,
                prompt_param,
            } => Some(match error {
                InvalidRequest::OutOfRange { param, .. }
                | InvalidRequest::UnknownToken { param, .. } => param,
                InvalidRequest::EmptyPrompt
                | InvalidRequest::ContextLength { .. }
                | InvalidRequest::NoRoom { .. } => prompt_param,
            }),
            Self::PromptTooLong { prompt_param, .. } => Some(prompt_param),
            Self::Stop(_) => Some("stop"),
            Self::Form { param, .. } => Some(param),
            Self::Template(TemplateError::Options { param, .. }) => Some(param),
            Self::Template(error) if error.is_request_fault() => Some("messages"),
            Self::Template(_)
            | Self::Label { .. }
            | Self::Tokenizer(_)
            | Self::Engine(_)
            | Self::Aborted { .. } => None,
        }
    }

    /// Whether another request could succeed where this one did not: the client's fault, not ours.
    pub fn is_request_fault(&self) -> bool {
        match self {
            Self::Invalid { .. }
            | Self::PromptTooLong { .. }
            | Self::Stop(_)
            | Self::Form { .. }
            | Self::Label { .. } => true,
            Self::Template(error) => error.is_request_fault(),
            Self::Engine(EngineError::CacheTooSmall { .. }) => true,
            Self::Tokenizer(_) | Self::Engine(_) | Self::Aborted { .. } => false,
        }
    }

    /// Whether the same request may succeed later or on another replica.
    pub fn may_retry(&self) -> bool {
        match self {
            Self::Engine(error) => error.may_retry(),
            Self::Invalid { .. }
            | Self::PromptTooLong { .. }
            | Self::Stop(_)
            | Self::Form { .. }
            | Self::Label { .. }
            | Self::Template(_)
            | Self::Tokenizer(_)
            | Self::Aborted { .. } => false,
        }
    }
}
