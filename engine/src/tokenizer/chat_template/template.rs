//! Compiling and rendering a model's chat templates.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, Value as Jinja};
use serde_json::{Map, Value, json};

use super::environment::{NOW, Raised, environment, preprocess};
use super::error::{MessagePlace, TemplateError};
use super::messages::{ContentFormat, place, prepare};

/// A model's chat templates, compiled. Cheap to clone.
#[derive(Clone)]
pub struct ChatTemplate {
    environment: Arc<Environment<'static>>,
    /// By name; what the model uses when no name is given is `default`.
    formats: Arc<BTreeMap<String, ContentFormat>>,
    tokens: Arc<BTreeMap<String, String>>,
    limits: RenderLimits,
}

/// Chat templates as text, and the tokens that they may write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChatTemplateSource {
    /// The template.
    pub template: Option<String>,
    /// Further templates by name. `default` is taken when there is no other template; `tool_use`, when
    /// a conversation has tools and no name is given.
    pub named: BTreeMap<String, String>,
    /// Texts of the special tokens by the names under which templates see them, such as `bos_token`.
    pub tokens: BTreeMap<String, String>,
}

/// A conversation and how it is rendered.
#[derive(Debug, Clone, Copy)]
pub struct ChatRequest<'a> {
    /// The messages, as OpenAI's API has them: objects with a `role`, and a `content` that is a string
    /// or a list of parts.
    pub messages: &'a [Value],
    /// Tools that the model may call.
    pub tools: Option<&'a [Value]>,
    /// Documents for templates that take some.
    pub documents: Option<&'a [Value]>,
    /// Whether the beginning of the assistant's answer is written at the end.
    pub add_generation_prompt: bool,
    /// Whether the last message is left open, so that the model goes on with it.
    pub continue_final_message: bool,
    /// The name of a template; `None` takes the model's usual one.
    pub template: Option<&'a str>,
    /// Further variables. They go before the tokens' names.
    pub kwargs: Option<&'a Map<String, Value>>,
    /// The wall-clock time that templates show, in seconds since the beginning of 1970. For local
    /// time, add the zone's offset.
    pub now: i64,
}

/// Bounds on what rendering may cost.
///
/// They bound the instructions and the prompt. A string that a template doubles in a variable again
/// and again is bounded by neither: run only templates of models that you trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderLimits {
    /// Instructions of the template; a message takes some hundred.
    pub fuel: u64,
    /// Bytes of the prompt.
    pub output_bytes: usize,
}

const DEFAULT: &str = "default";
const TOOL_USE: &str = "tool_use";

/// Variables that are not the client's to set.
const RESERVED: [&str; 4] = ["messages", "tools", "documents", "add_generation_prompt"];

/// Put at the end of the message that is left open, and looked for in the prompt, which is cut there.
/// The trailing space tells whether the template trims messages.
const OPEN_END: &str = "\u{f0002}OPEN_END\u{f0002} ";

impl Default for RenderLimits {
    fn default() -> Self {
        Self {
            fuel: 10_000_000,
            output_bytes: 32 << 20,
        }
    }
}

impl<'a> ChatRequest<'a> {
    /// The conversation, to be answered by the assistant.
    pub fn new(messages: &'a [Value]) -> Self {
        Self {
            messages,
            tools: None,
            documents: None,
            add_generation_prompt: true,
            continue_final_message: false,
            template: None,
            kwargs: None,
            now: 0,
        }
    }
}

impl ChatTemplate {
    /// Compiles the templates and finds out, by rendering a short conversation, whether they handle
    /// content as strings, as lists of parts, or both.
    ///
    /// # Errors
    /// [`TemplateError::Missing`] when there is no template, [`TemplateError::Syntax`] when one does
    /// not compile.
    pub fn new(source: &ChatTemplateSource) -> Result<Self, TemplateError> {
        let mut sources: BTreeMap<&str, &str> = BTreeMap::new();
        sources.extend(
            source
                .named
                .iter()
                .map(|(name, text)| (name.as_str(), text.as_str())),
        );
        sources.extend(source.template.as_deref().map(|text| (DEFAULT, text)));
        if sources.is_empty() {
            return Err(TemplateError::Missing);
        }
        let syntax = |name: &str, error: &minijinja::Error| TemplateError::Syntax {
            name: name.to_owned(),
            line: error.line().unwrap_or(0),
            reason: reason(error),
        };
        let mut environment = environment().map_err(|error| syntax(DEFAULT, &error))?;
        for (&name, text) in &sources {
            environment
                .add_template_owned(name.to_owned(), preprocess(text))
                .map_err(|error| syntax(name, &error))?;
        }
        let mut template = Self {
            environment: Arc::new(environment),
            formats: Arc::default(),
            tokens: Arc::new(source.tokens.clone()),
            limits: RenderLimits::default(),
        }
        .with_limits(RenderLimits::default());
        let formats = sources
            .keys()
            .map(|&name| (name.to_owned(), template.probe(name)));
        template.formats = Arc::new(formats.collect());
        Ok(template)
    }

    /// The same templates with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: RenderLimits) -> Self {
        Arc::make_mut(&mut self.environment).set_fuel(Some(limits.fuel));
        self.limits = limits;
        self
    }

    /// The prompt for a conversation.
    ///
    /// # Errors
    /// [`TemplateError`] says which message, option or line of the template is at fault.
    pub fn render(&self, request: &ChatRequest<'_>) -> Result<String, TemplateError> {
        let name = self.choose(request)?;
        if request.messages.is_empty() {
            return Err(TemplateError::Empty);
        }
        let reserved = |name: &&str| {
            request
                .kwargs
                .is_some_and(|kwargs| kwargs.contains_key(*name))
        };
        if let Some(name) = RESERVED.iter().find(|name| reserved(name)) {
            return Err(TemplateError::Options(format!(
                "chat_template_kwargs cannot set `{name}`; it has a field of its own"
            )));
        }
        let mut messages = prepare(request.messages, self.format_of(name))?;
        let open = if request.continue_final_message {
            Some(leave_open(&mut messages, request)?)
        } else {
            None
        };
        let rendered = self.run(name, request, &messages).map_err(|failure| {
            let place = self.blame(name, request, &messages, &failure);
            failure.at(place, &self.limits)
        })?;
        match open {
            None => Ok(rendered),
            Some(content) => cut_open_end(rendered, &content),
        }
    }

    /// The name of the template that the request is for.
    fn choose<'r>(&'r self, request: &ChatRequest<'r>) -> Result<&'r str, TemplateError> {
        let wanted = match request.template {
            Some(name) => name,
            None if request.tools.is_some() && self.formats.contains_key(TOOL_USE) => TOOL_USE,
            None => DEFAULT,
        };
        if self.formats.contains_key(wanted) {
            return Ok(wanted);
        }
        let names: Vec<&str> = self.formats.keys().map(String::as_str).collect();
        Err(TemplateError::Unknown {
            name: wanted.to_owned(),
            available: names.join(", "),
        })
    }

    fn format_of(&self, name: &str) -> ContentFormat {
        self.formats
            .get(name)
            .copied()
            .unwrap_or(ContentFormat::Text)
    }

    /// Renders once.
    fn run(
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
    fn blame(
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
    fn probe(&self, name: &str) -> ContentFormat {
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

impl fmt::Debug for ChatTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatTemplate")
            .field("formats", &self.formats)
            .field("tokens", &self.tokens)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Why one rendering failed.
#[derive(Debug, PartialEq)]
enum Failure {
    Raised(String),
    Error { line: usize, reason: String },
    Endless,
    TooLong,
}

impl Failure {
    fn at(self, place: Option<MessagePlace>, limits: &RenderLimits) -> TemplateError {
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

fn reason(error: &minijinja::Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

/// Marks the end of the last message and gives back its content.
fn leave_open(messages: &mut [Value], request: &ChatRequest<'_>) -> Result<String, TemplateError> {
    if request.add_generation_prompt {
        return Err(TemplateError::Options(
            "continue_final_message and add_generation_prompt exclude each other: the first goes on \
             with the last message, the second begins a new one"
                .to_owned(),
        ));
    }
    let content = messages
        .last_mut()
        .and_then(|message| message.get_mut("content"));
    let text = match content {
        Some(Value::String(text)) => Some(text),
        Some(Value::Array(parts)) => {
            parts
                .iter_mut()
                .rev()
                .find_map(|part| match part.get_mut("text") {
                    Some(Value::String(text)) => Some(text),
                    _ => None,
                })
        }
        _ => None,
    };
    let text = text.ok_or_else(|| {
        let reason = "continue_final_message is set, but the last message has no text to continue";
        TemplateError::Options(reason.to_owned())
    })?;
    let content = text.clone();
    text.push_str(OPEN_END);
    Ok(content)
}

/// Cuts the prompt where the open message ends.
fn cut_open_end(mut rendered: String, content: &str) -> Result<String, TemplateError> {
    let end = rendered
        .rfind(OPEN_END.trim_end())
        .filter(|_| rendered.contains(content.trim()));
    let Some(end) = end else {
        return Err(TemplateError::Options(
            "continue_final_message is set, but the model's chat template does not write the last \
             message as it is"
                .to_owned(),
        ));
    };
    let trimmed = !rendered[end..].starts_with(OPEN_END);
    rendered.truncate(end);
    if trimmed {
        rendered.truncate(rendered.trim_end().len());
    }
    Ok(rendered)
}
