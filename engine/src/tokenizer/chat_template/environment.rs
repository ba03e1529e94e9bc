//! Jinja as `transformers` sets it up for chat templates (`utils/chat_template_utils.py`).

use std::borrow::Cow;
use std::error::Error as _;
use std::fmt;

use chrono::DateTime;
use chrono::format::{Item, StrftimeItems};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State};

use super::json;

/// The variable that holds the time. No template can spell it.
pub(super) const NOW: &str = "\0now";

/// What `raise_exception` was called with; found in the chain of an error's causes.
#[derive(Debug)]
pub(super) struct Raised(pub(super) String);

/// An environment with the filters, functions, tests and methods that templates expect.
pub(super) fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    syntax
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(false);
    environment.set_syntax(syntax.build()?);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_filter("tojson", |value: Value, kwargs: Kwargs| {
        json::tojson(&value, &kwargs)
    });
    environment.add_function("raise_exception", raise_exception);
    environment.add_function("strftime_now", strftime_now);
    // To Jinja, what has a length and can be indexed is a sequence.
    environment.add_test("sequence", |value: Value| {
        matches!(
            value.kind(),
            ValueKind::Seq | ValueKind::Map | ValueKind::String | ValueKind::Undefined
        )
    });
    environment.add_test("iterable", |value: Value| {
        !value.is_none() && value.try_iter().is_ok()
    });
    Ok(environment)
}

/// The template's text as Jinja's lexer sees it: lines end with `\n`, and the tag `generation`, which
/// marks the assistant's words for training, is a block that is always taken.
pub(super) fn preprocess(template: &str) -> String {
    let lines = template.replace("\r\n", "\n").replace('\r', "\n");
    let mut out = String::with_capacity(lines.len());
    let mut rest = lines.as_str();
    while let Some(start) = rest.find("{%") {
        let (before, tag) = rest.split_at(start);
        out.push_str(before);
        let Some(end) = tag.find("%}") else {
            rest = tag;
            break;
        };
        let (tag, after) = tag.split_at(end + 2);
        out.push_str(&without_generation(tag));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// A tag, with `generation` replaced; the signs that control white space stay.
fn without_generation(tag: &str) -> Cow<'_, str> {
    let inner = tag.trim_start_matches("{%").trim_end_matches("%}");
    let name = inner.trim_matches(|c: char| c.is_whitespace() || c == '-' || c == '+');
    let block = match name {
        "generation" => "if true",
        "endgeneration" => "endif",
        _ => return Cow::Borrowed(tag),
    };
    Cow::Owned(tag.replacen(name, block, 1))
}

fn raise_exception(message: &str) -> Result<Value, Error> {
    let raised = Raised(message.to_owned());
    Err(Error::new(ErrorKind::InvalidOperation, "raise_exception").with_source(raised))
}

/// `strftime` of the request's time.
fn strftime_now(state: &State<'_, '_>, format: &str) -> Result<String, Error> {
    let invalid = |reason: String| Error::new(ErrorKind::InvalidOperation, reason);
    let now = state
        .lookup(NOW)
        .map(i64::try_from)
        .transpose()?
        .unwrap_or(0);
    let now = DateTime::from_timestamp(now, 0)
        .ok_or_else(|| invalid(format!("strftime_now: {now} is no time")))?
        .naive_utc();
    let items: Vec<Item<'_>> = StrftimeItems::new(format).collect();
    let mut text = String::new();
    let written = now.format_with_items(items.iter()).write_to(&mut text);
    written.map_err(|fmt::Error| {
        invalid(format!(
            "strftime_now: {format:?} is not a format of a date and time"
        ))
    })?;
    Ok(text)
}

impl Raised {
    /// The words of `raise_exception`, when that is what made `error`.
    pub(super) fn find(error: &Error) -> Option<&str> {
        let mut cause = error.source();
        while let Some(error) = cause {
            if let Some(Self(message)) = error.downcast_ref() {
                return Some(message);
            }
            cause = error.source();
        }
        None
    }
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Raised {}
