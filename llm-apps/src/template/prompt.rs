//! A template of `prompts/`: compiled once, rendered for each request within bounds.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use serde_json::{Map, Value};
use thiserror::Error;

/// One template. White space is treated as in chat templates: a line that holds only a tag leaves no
/// line behind. Nothing is escaped: what comes out is read by a model. Cheap to clone.
#[derive(Clone)]
pub struct PromptTemplate {
    name: Arc<str>,
    source: Arc<str>,
    environment: Arc<Environment<'static>>,
    names: Arc<BTreeSet<String>>,
}

/// Why a template cannot be used, or cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the template `{name}`{} {reason}", at(.line.as_ref()))]
pub struct PromptTemplateError {
    /// The template, as the configuration names it.
    pub name: Arc<str>,
    /// The line at fault, counted from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub reason: String,
}

/// Steps that a rendering may take; a loop over a thousand passages takes some ten thousand.
const FUEL: u64 = 2_000_000;
/// Longest text that comes out, in bytes.
const MAX_OUTPUT: usize = 16 << 20;
/// Longest template, in bytes.
const MAX_SOURCE: usize = 1 << 20;

impl PromptTemplate {
    /// Compiles a template. Its name stands in errors.
    ///
    /// # Errors
    /// [`PromptTemplateError`] when it is no Jinja, or needs other templates: a prompt stands in one
    /// file, so that what it reads is known from the file.
    pub fn new(name: &str, source: &str) -> Result<Self, PromptTemplateError> {
        Self::compile(name, source, |_| ())
    }

    /// The same, in an environment that was set up further.
    pub(super) fn compile(
        name: &str,
        source: &str,
        set_up: impl FnOnce(&mut Environment<'static>),
    ) -> Result<Self, PromptTemplateError> {
        let name: Arc<str> = name.into();
        let fault = |line, reason: String| PromptTemplateError {
            name: Arc::clone(&name),
            line,
            reason,
        };
        if source.len() > MAX_SOURCE {
            return Err(fault(None, format!("is longer than {MAX_SOURCE} bytes")));
        }
        if let Some((line, tag)) = tag_of_others(source) {
            let reason = format!("uses `{tag}`; a prompt is one template without others");
            return Err(fault(Some(line), reason));
        }
        let syntax = |error: &Error| {
            fault(
                error.line(),
                format!("is no Jinja template: {}", said(error)),
            )
        };
        let mut environment = environment().map_err(|error| syntax(&error))?;
        set_up(&mut environment);
        environment
            .add_template_owned(name.to_string(), source.to_owned())
            .map_err(|error| syntax(&error))?;
        let names = {
            let template = environment.get_template(&name);
            let undeclared = template.map(|template| template.undeclared_variables(false));
            let globals: BTreeSet<_> = environment.globals().map(|(name, _)| name).collect();
            let names = undeclared.unwrap_or_default().into_iter();
            names
                .filter(|name| !globals.contains(name.as_str()))
                .collect()
        };
        Ok(Self {
            source: source.into(),
            environment: Arc::new(environment),
            names: Arc::new(names),
            name,
        })
    }

    /// The template's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is written in it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The variables that it reads.
    pub fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// Its text with these variables.
    ///
    /// # Errors
    /// [`PromptTemplateError`] when a value is missing or is not what the template takes it for, or
    /// when the rendering takes too many steps or writes too much.
    pub fn render(&self, variables: &Map<String, Value>) -> Result<String, PromptTemplateError> {
        let mut output = Bounded {
            bytes: Vec::new(),
            full: false,
        };
        let rendered = self
            .environment
            .get_template(&self.name)
            .and_then(|template| {
                template
                    .render_captured_to(Serde(variables), &mut output)
                    .map(drop)
            });
        let (line, reason) = match rendered {
            // Jinja writes texts only.
            Ok(()) => return Ok(String::from_utf8_lossy(&output.bytes).into_owned()),
            Err(_) if output.full => (None, format!("writes more than {MAX_OUTPUT} bytes")),
            Err(error) if error.kind() == ErrorKind::OutOfFuel => {
                (None, format!("takes more than {FUEL} steps"))
            }
            Err(error) => {
                let reason = format!("cannot be rendered: {}", said(&error));
                (error.line(), reason)
            }
        };
        Err(PromptTemplateError {
            name: Arc::clone(&self.name),
            line,
            reason,
        })
    }
}

fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    syntax
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(false);
    environment.set_syntax(syntax.build()?);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    Ok(environment)
}

/// The first tag that would need another template, and its line.
fn tag_of_others(source: &str) -> Option<(usize, &str)> {
    let mut at = 0;
    while let Some(found) = source[at..].find("{%").map(|found| at + found) {
        // A comment may show a tag.
        if let Some(comment) = source[at..found].find("{#") {
            let start = at + comment;
            let end = source[start..].find("#}")?;
            at = start + end + 2;
            continue;
        }
        let rest = source[found + 2..]
            .trim_start_matches(['-', '+'])
            .trim_start();
        let end = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let tag = &rest[..end];
        if matches!(tag, "include" | "import" | "from" | "extends") {
            return Some((source[..found].matches('\n').count() + 1, tag));
        }
        at = found + 2;
    }
    None
}

/// Takes so many bytes and no more.
struct Bounded {
    bytes: Vec<u8>,
    full: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > MAX_OUTPUT - self.bytes.len() {
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

fn said(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{} ({detail})", error.kind()),
        None => error.kind().to_string(),
    }
}

fn at(line: Option<&usize>) -> String {
    line.map_or_else(String::new, |line| format!(", line {line},"))
}

impl PartialEq for PromptTemplate {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.source == other.source
    }
}

impl fmt::Debug for PromptTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PromptTemplate").field(&self.name).finish()
    }
}
