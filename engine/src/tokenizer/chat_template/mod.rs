//! A conversation to a prompt: the model's own Jinja template, rendered as `transformers` renders it.
//!
//! `template` compiles and renders a `request`; `rendering` is one bounded run; `environment` is Jinja as `transformers` sets it up; `messages`
//! brings a client's messages into the form that templates read; `json` is Python's `json.dumps`;
//! `error` says what went wrong and at which message.

mod abilities;
mod environment;
mod error;
mod json;
mod messages;
mod open_end;
mod rendering;
mod request;
mod template;

pub use error::{MessagePlace, TemplateError};
pub use request::{ChatRequest, ChatTemplateSource, RenderLimits};
pub use template::ChatTemplate;
