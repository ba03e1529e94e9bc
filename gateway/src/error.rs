//! What a client is told when it gets no answer, in OpenAI's shape; the only file that knows HTTP
//! status codes (A3).
//!
//! A room below answers with its own small error; the conversions at the end of this file turn it
//! into an [`ApiError`]. The same error before the first token is a response with its true status,
//! and after it a terminal frame of the stream, which has the same JSON.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::header::{CONNECTION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use engine::{EncodeError, EngineError};
use llm_apps::pipeline::PipelineError;
use llm_apps::stage::generate::GenerateError;
use llm_apps::stage::{CallError, StageError};
use serde::Serialize;
use thiserror::Error;

use crate::admission;
use crate::store::StoreError;

/// The code of a stage that what it depends on keeps from answering.
const STAGE_UNAVAILABLE: &str = "stage_unavailable";

/// Why a request gets no answer, or no more of it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ApiError {
    /// The request itself is wrong; sending it again cannot help.
    #[error("{message}")]
    Invalid {
        /// What is wrong and what would be right.
        message: String,
        /// The field at fault, as a path in the request.
        param: Option<String>,
        /// A stable code, where OpenAI has one.
        code: Option<&'static str>,
    },
    /// No served model has this name.
    #[error("the model `{0}` does not exist; GET /v1/models lists what is served")]
    ModelNotFound(String),
    /// Nothing that is kept has this id.
    #[error("{0}")]
    Missing(String),
    /// Nothing is served under this path.
    #[error("unknown path: {0}")]
    UnknownPath(String),
    /// The path exists, but not for this method.
    #[error("{0} does not take this method")]
    MethodNotAllowed(String),
    /// The body is longer than the server reads.
    #[error("the request body is longer than the limit of {limit} bytes")]
    BodyTooLarge {
        /// `max_body_bytes`.
        limit: usize,
    },
    /// The body did not arrive in time.
    #[error("the request body did not arrive within {limit:?}")]
    BodyTimeout {
        /// `body_timeout`.
        limit: Duration,
    },
    /// There is no room at this moment; the same request may succeed later.
    #[error("{message}; try again later")]
    Busy {
        /// What is full.
        message: String,
        /// What `Retry-After` says.
        retry_after: Duration,
    },
    /// The server does not generate, because it starts or stops; or what a stage depends on is not there.
    #[error("{message}")]
    Unavailable {
        /// Which, and why.
        message: Cow<'static, str>,
        /// A stable code.
        code: &'static str,
        /// What `Retry-After` says.
        retry_after: Duration,
        /// Whether the connection is of no more use.
        close: bool,
    },
    /// The request's own deadline passed.
    #[error("{0}")]
    TimedOut(String),
    /// An application declines to answer, by a rule of its own.
    #[error("{message}")]
    Refused {
        /// What the client is told.
        message: String,
        /// The rule's name.
        code: String,
    },
    /// A stage of an application failed. The message names it.
    #[error("{0}")]
    StageFailed(String),
    /// The caller may not do this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// A configuration that cannot be deployed.
    #[error("{message}")]
    NotDeployed {
        /// What is wrong, line by line.
        message: String,
        /// Whether the same configuration may be taken later.
        later: bool,
    },
    /// Our fault. The message is for the log as much as for the client, and tells no secrets.
    #[error("{0}")]
    Internal(String),
}

/// An error as it stands in a body or in a frame.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorBody {
    error: ErrorObject,
}

#[derive(Debug, Serialize)]
struct ErrorObject {
    message: String,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<String>,
    code: Option<String>,
}

impl ApiError {
    /// A fault of the request at `param`.
    pub fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid {
            message: message.into(),
            param: Some(param.into()),
            code: None,
        }
    }

    /// The same about a request whose field `asked` was told on as `told`.
    pub(crate) fn in_field(mut self, told: &str, asked: &str) -> Self {
        if let Self::Invalid {
            param: Some(at), ..
        } = &mut self
            && at == told
        {
            asked.clone_into(at);
        }
        self
    }

    /// The JSON that a client sees.
    pub(crate) fn body(&self) -> ErrorBody {
        let mut param = None;
        if let Self::Invalid { param: at, .. } = self {
            param.clone_from(at);
        } else if let Self::ModelNotFound(_) = self {
            param = Some("model".to_owned());
        }
        let error = ErrorObject {
            message: self.to_string(),
            kind: self.kind(),
            param,
            code: self.code().map(Cow::into_owned),
        };
        ErrorBody { error }
    }

    /// A stable code for programs.
    pub(crate) fn code(&self) -> Option<Cow<'_, str>> {
        let code = match self {
            Self::Refused { code, .. } => return Some(code.as_str().into()),
            Self::Invalid { code, .. } => return code.map(Cow::Borrowed),
            Self::ModelNotFound(_) => "model_not_found",
            Self::Missing(_) => "not_found",
            Self::UnknownPath(_) => "unknown_url",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::BodyTimeout { .. } => "body_timeout",
            Self::Busy { .. } => "rate_limit_exceeded",
            Self::Unavailable { code, .. } => code,
            Self::TimedOut(_) => "timeout",
            Self::StageFailed(_) => "stage_failed",
            Self::Forbidden(_) => "forbidden",
            Self::NotDeployed { .. } => "not_deployed",
            Self::Internal(_) => "internal_error",
        };
        Some(code.into())
    }

    /// OpenAI's `type` of the error; one of few, so it is also a label of metrics.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Invalid { .. }
            | Self::ModelNotFound(_)
            | Self::Missing(_)
            | Self::UnknownPath(_)
            | Self::MethodNotAllowed(_)
            | Self::BodyTooLarge { .. }
            | Self::BodyTimeout { .. }
            | Self::Refused { .. }
            | Self::Forbidden(_)
            | Self::NotDeployed { .. } => "invalid_request_error",
            Self::Busy { .. } => "rate_limit_error",
            Self::Unavailable { .. }
            | Self::TimedOut(_)
            | Self::StageFailed(_)
            | Self::Internal(_) => "server_error",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NotDeployed { later: true, .. } => StatusCode::CONFLICT,
            Self::Invalid { .. } | Self::Refused { .. } | Self::NotDeployed { .. } => {
                StatusCode::BAD_REQUEST
            }
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::ModelNotFound(_) | Self::Missing(_) | Self::UnknownPath(_) => {
                StatusCode::NOT_FOUND
            }
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout { .. } | Self::TimedOut(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Busy { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::StageFailed(_) | Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after, .. } | Self::Unavailable { retry_after, .. } => {
                Some(*retry_after)
            }
            Self::Invalid { .. }
            | Self::ModelNotFound(_)
            | Self::Missing(_)
            | Self::UnknownPath(_)
            | Self::MethodNotAllowed(_)
            | Self::BodyTooLarge { .. }
            | Self::BodyTimeout { .. }
            | Self::TimedOut(_)
            | Self::Refused { .. }
            | Self::StageFailed(_)
            | Self::Forbidden(_)
            | Self::NotDeployed { .. }
            | Self::Internal(_) => None,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status(), axum::Json(self.body())).into_response();
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after() {
            // Rounded up: a client must not come back too early.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if matches!(self, Self::Unavailable { close: true, .. }) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        // For paths that say errors in other words.
        response.extensions_mut().insert(self);
        response
    }
}

impl ApiError {
    /// The door is closed: every place is taken.
    pub(crate) fn busy(full: admission::Full, retry_after: Duration) -> Self {
        Self::Busy {
            message: full.to_string(),
            retry_after,
        }
    }

    /// A request was not taken, before or at the engine's door.
    pub(crate) fn generate(error: &GenerateError, retry_after: Duration) -> Self {
        if let GenerateError::Engine(error) = error {
            return Self::engine(error, retry_after);
        }
        if error.is_request_fault() {
            let too_long = error.kind() == "context_length";
            return Self::Invalid {
                message: error.to_string(),
                param: error.param().map(str::to_owned),
                code: too_long.then_some("context_length_exceeded"),
            };
        }
        tracing::error!(%error, "a request could not be prepared");
        Self::Internal("the request could not be prepared".to_owned())
    }

    /// A small model did not answer; `place` is the field of the input at fault.
    pub(crate) fn encode(error: &EncodeError, place: Option<&str>, retry_after: Duration) -> Self {
        match error {
            EncodeError::TooLong { bytes, limit, .. } => Self::of_input(
                place,
                &format!("the text has {bytes} bytes, but at most {limit} are taken"),
            ),
            EncodeError::TooManyTokens { .. } | EncodeError::UnknownToken { .. } => {
                Self::of_input(place, &error.to_string())
            }
            EncodeError::ShuttingDown => Self::Unavailable {
                message: "the model is shutting down".into(),
                code: "shutting_down",
                retry_after,
                close: false,
            },
            EncodeError::Failed(_) => {
                tracing::error!(%error, "a small model failed");
                Self::Internal("the model failed on this request".to_owned())
            }
        }
    }

    fn of_input(place: Option<&str>, said: &str) -> Self {
        Self::Invalid {
            message: place.map_or_else(|| said.to_owned(), |place| format!("{place}: {said}")),
            param: place.map(str::to_owned),
            code: None,
        }
    }

    /// A model of this name is served, but does something else; `does` says what, and where.
    pub(crate) fn other_model(name: &str, does: &str) -> Self {
        Self::Invalid {
            message: format!("the model `{name}` {does}"),
            param: Some("model".to_owned()),
            code: Some("model_not_supported"),
        }
    }

    /// The engine did not, or could not, finish.
    pub(crate) fn engine(error: &EngineError, retry_after: Duration) -> Self {
        match error {
            EngineError::Full { .. } => Self::Busy {
                message: error.to_string(),
                retry_after,
            },
            EngineError::ShuttingDown => Self::Unavailable {
                message: "the engine is shutting down".into(),
                code: "shutting_down",
                retry_after,
                close: false,
            },
            EngineError::CacheTooSmall { .. } => Self::Invalid {
                message: error.to_string(),
                param: None,
                code: Some("context_length_exceeded"),
            },
            EngineError::Constraint(_) => {
                tracing::warn!(%error, "an answer lost its form");
                Self::Internal(error.to_string())
            }
            EngineError::Lost(_) => Self::Unavailable {
                message: error.to_string().into(),
                code: "replica_lost",
                retry_after,
                close: false,
            },
            EngineError::Quarantined { .. } => Self::Internal(error.to_string()),
            EngineError::Model(_) => {
                tracing::error!(%error, "the engine failed");
                Self::Internal("the model failed on this request".to_owned())
            }
        }
    }

    /// Something could not be kept or found. `param` is the field that named it, if one did.
    pub(crate) fn store(error: &StoreError, param: Option<&str>) -> Self {
        match error {
            StoreError::Off => Self::Invalid {
                message: error.to_string(),
                param: None,
                code: Some("storage_disabled"),
            },
            StoreError::InUse(_) => {
                tracing::error!(%error, "nothing can be kept");
                Self::Internal(error.to_string())
            }
            StoreError::Missing { .. } if param.is_none() => Self::Missing(error.to_string()),
            StoreError::Missing { .. } | StoreError::Refused(_) => Self::Invalid {
                message: error.to_string(),
                param: param.map(str::to_owned),
                code: None,
            },
            StoreError::Failed(_) => {
                tracing::error!(%error, "the data folder failed");
                Self::Internal("the server's data folder failed".to_owned())
            }
        }
    }

    /// The status of a response that lies in a file instead of going out.
    pub(crate) fn status_code(&self) -> u16 {
        self.status().as_u16()
    }

    /// A request did not come through an application.
    pub(crate) fn pipeline(error: &PipelineError, retry_after: Duration) -> Self {
        match error {
            PipelineError::Call(error) => Self::call(error, retry_after),
            PipelineError::Answer(error) => Self::stage(error, retry_after),
            PipelineError::Condition(error) => {
                tracing::error!(%error, "a condition of a pipeline failed");
                Self::StageFailed(error.to_string())
            }
        }
    }

    fn call(error: &CallError, retry_after: Duration) -> Self {
        match error {
            CallError::QueueFull { .. } => Self::Busy {
                message: error.to_string(),
                retry_after,
            },
            CallError::Unavailable { .. } => {
                tracing::error!(%error, "a deployment does not serve");
                Self::Unavailable {
                    message: "a deployment of the application does not serve; see its status"
                        .into(),
                    code: "deployment_unavailable",
                    retry_after,
                    close: false,
                }
            }
            CallError::DeadlineExceeded { .. } => Self::TimedOut(error.to_string()),
            CallError::Stage { error: inner, .. } => {
                let mut told = Self::stage(inner, retry_after);
                // This names all stages on the way.
                if let Self::StageFailed(message) = &mut told {
                    *message = error.to_string();
                }
                if let Self::Unavailable { message, code, .. } = &mut told
                    && *code == STAGE_UNAVAILABLE
                {
                    *message = error.to_string().into();
                }
                told
            }
        }
    }

    /// A stage could not answer, or could not go on.
    pub(crate) fn stage(error: &StageError, retry_after: Duration) -> Self {
        match error {
            StageError::Invalid { message, param } => Self::Invalid {
                message: message.clone(),
                param: param.clone(),
                code: None,
            },
            StageError::Refused { code, message } => Self::Refused {
                message: message.clone(),
                code: code.clone(),
            },
            StageError::Unavailable(message) => {
                tracing::warn!(message, "what a stage depends on is not there");
                Self::Unavailable {
                    message: message.clone().into(),
                    code: STAGE_UNAVAILABLE,
                    retry_after,
                    close: false,
                }
            }
            StageError::Failed(message) => {
                tracing::error!(message, "a stage failed");
                Self::StageFailed(message.clone())
            }
            StageError::Generate(error) => Self::generate(error, retry_after),
            StageError::Call(error) => Self::call(error, retry_after),
        }
    }
}
