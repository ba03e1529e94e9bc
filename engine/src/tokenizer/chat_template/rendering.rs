//! One rendering: bounded, and with the message named at which it fails.

use std::collections::BTreeMap;
use std::io;

use minijinja::value::Serde;
use minijinja::{ErrorKind, Value as Jinja};
use serde_json::{Value, json};

use super::environment::{NOW, Raised};
use super::error::{MessagePlace, TemplateError};
use super::messages::{ContentFormat, place};
use super::request::{ChatRequest, RenderLimits};
use super::template::ChatTemplate;

impl ChatTemplate {
    /// Renders once.
    pub(super) fn run(
        &self,
        name: &str,
        request: &ChatRequest<'_>,
        messages: &[Value],
    ) -> Result<String, Failure> {
        let mut variables: BTreeMap<&str, Jinja> = BTreeMap::new();
        variables.extend(
            self.tokens
                .iter()
                .map(|(name, text)| (name.as_str(), Jinja::from(text))),
        );
        let kwargs = request.kwargs.into_iter().flatten();
        variables.extend(kwargs.map(|(name, value)| (name.as_str(), Jinja::from(Serde(value)))));
        variables.extend([
            ("messages", Jinja::from(Serde(messages))),
            ("tools", Jinja::from(Serde(request.tools))),
            ("documents", Jinja::from(Serde(request.documents))),
            (
                "add_generation_prompt",
                Jinja::from(request.add_generation_prompt),
            ),
            (NOW, Jinja::from(request.now)),
        ]);
        let mut output = Bounded {
            bytes: Vec::new(),
            limit: self.limits.output_bytes,
            full: false,
        };
        let template = self.environment.get_template(name);
        let rendered =
            template.and_then(|t| t.render_captured_to(variables, &mut output).map(drop));
        match rendered {
            // Jinja writes strings only.
            Ok(()) => Ok(String::from_utf8_lossy(&output.bytes).into_owned()),
            Err(_) if output.full => Err(Failure::TooLong),
            Err(error) if error.kind() == ErrorKind::OutOfFuel => Err(Failure::Endless),
            Err(error) => Err(match Raised::find(&error) {
                Some(message) => Failure::Raised(message.to_owned()),
                None => Failure::Error {
                    line: error.line().unwrap_or(0),
                    reason: reason(&error),
                },
            }),
        }
    }

    /// The message at which rendering fails: the conversation up to it fails in the same way, and
    /// without it does not. Templates cannot be asked, so shorter conversations are tried: first
    /// without the last message, then by halves.
    pub(super) fn blame(
        &self,
        name: &str,
        request: &ChatRequest<'_>,
        messages: &[Value],
        failure: &Failure,
    ) -> Option<MessagePlace> {
        if matches!(failure, Failure::Endless | Failure::TooLong) {
            return None;
        }
        let fails = |count: usize| {
            self.run(name, request, &messages[..count]).err().as_ref() == Some(failure)
        };
        let (mut good, mut bad) = (0, messages.len());
        let last = bad - 1;
        if last > 0 && fails(last) {
            bad = last;
            while bad - good > 1 {
                let middle = usize::midpoint(good, bad);
                if fails(middle) {
                    bad = middle;
                } else {
                    good = middle;
                }
            }
        }
        Some(place(messages, bad - 1))
    }

    /// Finds out what the template makes of content.
    pub(super) fn probe(&self, name: &str) -> ContentFormat {
        const NEEDLE: &str = "needle in a haystack";
        let render = |content: Value| {
            let messages = [json!({"role": "user", "content": content})];
            self.run(name, &ChatRequest::new(&messages), &messages)
                .unwrap_or_default()
        };
        let as_parts = render(json!([{"type": "text", "text": NEEDLE}]));
        // A template for strings may print the list as it is.
        let printed = ["'type'", "\"type\""]
            .iter()
            .any(|key| as_parts.contains(key));
        if !as_parts.contains(NEEDLE) || printed {
            ContentFormat::Text
        } else if render(json!(NEEDLE)).contains(NEEDLE) {
            ContentFormat::Either
        } else {
            ContentFormat::Parts
        }
    }
}

/// Why one rendering failed.
#[derive(Debug, PartialEq)]
pub(super) enum Failure {
    Raised(String),
    Error { line: usize, reason: String },
    Endless,
    TooLong,
}

impl Failure {
    pub(super) fn at(self, place: Option<MessagePlace>, limits: &RenderLimits) -> TemplateError {
        match self {
            Self::Raised(message) => TemplateError::Refused { place, message },
            Self::Error { line, reason } => TemplateError::Failed {
                place,
                line,
                reason,
            },
            Self::Endless => TemplateError::Endless { limit: limits.fuel },
            Self::TooLong => TemplateError::TooLong {
                limit: limits.output_bytes,
            },
        }
    }
}

/// Takes so many bytes and no more.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
    full: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.limit - self.bytes.len() {
            self.full = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What Jinja says.
pub(super) fn reason(error: &minijinja::Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}
