//! Which fields of a request are honoured, refused, or without effect: one table for each endpoint,
//! read by the parser and compared with `docs/openai.md` by a test. No field parses and does
//! nothing unless its line here says so.
//!
//! A path in a table is `name`, `parent.name`, or `list[].name`. A field without lines below it is
//! opaque: what is in it is the business of its type.

use std::fmt;

use serde_json::Value;

use super::parse::Object;
use crate::error::ApiError;

/// One field of a request and what becomes of it.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Where it stands in the request.
    pub path: &'static str,
    /// What becomes of it.
    pub effect: Effect,
}

/// What becomes of a field that is set. `null` is as good as absent everywhere.
#[derive(Debug, Clone, Copy)]
pub enum Effect {
    /// It does what its documentation says.
    Honoured,
    /// It is refused with 400, unless it only asks for what happens anyway.
    Refused {
        /// Values that ask for what happens anyway.
        unless: Noop,
        /// Why, for the error and the documentation.
        why: &'static str,
    },
    /// It is taken and changes nothing.
    NoEffect(&'static str),
}

/// Values of a refused field that ask for nothing.
#[derive(Debug, Clone, Copy)]
pub enum Noop {
    /// None but `null`.
    Null,
    /// `false`, an empty string, list or object, or 0.
    Empty,
    /// `true`.
    True,
    /// One of these strings.
    Text(&'static [&'static str]),
    /// A list that holds only this string.
    Only(&'static str),
    /// An object whose `type` is this string.
    Type(&'static str),
}

/// The fields of one endpoint, in groups that endpoints share.
pub type Table = &'static [&'static [Field]];

/// Judges every field of `request` by `table`.
///
/// Returns the paths that the table does not know, at most [`MAX_UNKNOWN`] of them.
///
/// # Errors
/// Names the first field that is refused.
pub(crate) fn judge(table: Table, request: &Object) -> Result<Vec<String>, ApiError> {
    let mut judge = Judge {
        table,
        unknown: Vec::new(),
    };
    judge.object(request, "", "")?;
    Ok(judge.unknown)
}

/// Unknown fields that one request can have counted.
const MAX_UNKNOWN: usize = 64;

struct Judge {
    table: Table,
    unknown: Vec<String>,
}

impl Judge {
    /// `pattern` is where the object stands in the table, `path` where it stands in the request.
    fn object(&mut self, object: &Object, pattern: &str, path: &str) -> Result<(), ApiError> {
        for (name, value) in object {
            let (pattern, path) = (join(pattern, name), join(path, name));
            match self.effect(&pattern) {
                None => self.note_unknown(path),
                Some(Effect::Refused { unless, why }) if !value.is_null() => {
                    unless.admit(value, &path, why)?;
                }
                Some(Effect::Honoured | Effect::NoEffect(_) | Effect::Refused { .. }) => {
                    self.inside(value, &pattern, &path)?;
                }
            }
        }
        Ok(())
    }

    fn inside(&mut self, value: &Value, pattern: &str, path: &str) -> Result<(), ApiError> {
        if let Some(object) = value.as_object()
            && self.has_below(pattern, ".")
        {
            return self.object(object, pattern, path);
        }
        if let Some(items) = value.as_array()
            && self.has_below(pattern, "[].")
        {
            let pattern = format!("{pattern}[]");
            for (index, item) in items.iter().enumerate() {
                if let Some(object) = item.as_object() {
                    self.object(object, &pattern, &format!("{path}[{index}]"))?;
                }
            }
        }
        Ok(())
    }

    fn fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        self.table.iter().copied().flatten()
    }

    fn effect(&self, pattern: &str) -> Option<Effect> {
        let field = self.fields().find(|f| f.path == pattern)?;
        Some(field.effect)
    }

    fn has_below(&self, pattern: &str, mark: &str) -> bool {
        let below = |f: &Field| {
            f.path
                .strip_prefix(pattern)
                .is_some_and(|r| r.starts_with(mark))
        };
        self.fields().any(below)
    }

    fn note_unknown(&mut self, path: String) {
        if self.unknown.len() < MAX_UNKNOWN {
            self.unknown.push(path);
        }
    }
}

/// A name with a path's own marks in it, or without a letter, is quoted: it must not pass for the
/// path of another field.
fn join(parent: &str, name: &str) -> String {
    let plain = !name.is_empty() && !name.contains(['.', '[', ']', '"']);
    let name = if plain {
        name.to_owned()
    } else {
        format!("{name:?}")
    };
    if parent.is_empty() {
        name
    } else {
        format!("{parent}.{name}")
    }
}

impl Noop {
    fn admit(self, value: &Value, path: &str, why: &str) -> Result<(), ApiError> {
        if self.holds(value) {
            return Ok(());
        }
        let instead = match self {
            Self::Null => "leave it out".to_owned(),
            Self::Empty | Self::True | Self::Text(_) | Self::Only(_) | Self::Type(_) => {
                format!("leave it out or set it to {self}")
            }
        };
        Err(ApiError::Invalid {
            message: format!("{path} is not supported: {why}; {instead}"),
            param: Some(path.to_owned()),
            code: Some("unsupported_parameter"),
        })
    }

    fn holds(self, value: &Value) -> bool {
        match self {
            Self::Null => value.is_null(),
            Self::Empty => match value {
                Value::Null => true,
                Value::Bool(on) => !on,
                Value::Number(number) => number.as_f64().is_some_and(|n| n == 0.0),
                Value::String(text) => text.is_empty(),
                Value::Array(items) => items.is_empty(),
                Value::Object(fields) => fields.is_empty(),
            },
            Self::True => value == true,
            Self::Text(texts) => value.as_str().is_some_and(|v| texts.contains(&v)),
            Self::Only(text) => value
                .as_array()
                .is_some_and(|v| v.iter().all(|i| i == text)),
            Self::Type(name) => value.get("type").is_some_and(|t| t == name),
        }
    }
}

impl fmt::Display for Noop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Empty => f.write_str("an empty value"),
            Self::True => f.write_str("true"),
            Self::Text(texts) => {
                let quoted: Vec<_> = texts.iter().map(|t| format!("\"{t}\"")).collect();
                f.write_str(&quoted.join(" or "))
            }
            Self::Only(text) => write!(f, "[\"{text}\"]"),
            Self::Type(name) => write!(f, "{{\"type\": \"{name}\"}}"),
        }
    }
}

/// A field that does what its documentation says.
pub(crate) const fn honoured(path: &'static str) -> Field {
    Field {
        path,
        effect: Effect::Honoured,
    }
}

/// A field that is refused unless it asks for nothing.
pub(crate) const fn refused(path: &'static str, unless: Noop, why: &'static str) -> Field {
    Field {
        path,
        effect: Effect::Refused { unless, why },
    }
}

/// A field that changes nothing.
pub(crate) const fn no_effect(path: &'static str, why: &'static str) -> Field {
    Field {
        path,
        effect: Effect::NoEffect(why),
    }
}
