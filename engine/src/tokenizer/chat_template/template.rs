//! Compiling and rendering a model's chat templates.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::Environment;

use super::environment::{environment, preprocess};
use super::error::TemplateError;
use super::messages::{ContentFormat, prepare};
use super::open_end::{cut_open_end, leave_open};
use super::rendering::reason;
use super::request::{ChatRequest, ChatTemplateSource, RenderLimits};

/// A model's chat templates, compiled. Cheap to clone.
#[derive(Clone)]
pub struct ChatTemplate {
    pub(super) environment: Arc<Environment<'static>>,
    /// By name; what the model uses when no name is given is `default`.
    formats: Arc<BTreeMap<String, ContentFormat>>,
    pub(super) tokens: Arc<BTreeMap<String, String>>,
    pub(super) limits: RenderLimits,
}

const DEFAULT: &str = "default";
const TOOL_USE: &str = "tool_use";

/// Variables that are not the client's to set.
const RESERVED: [&str; 4] = ["messages", "tools", "documents", "add_generation_prompt"];

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
            return Err(TemplateError::Options {
                param: "chat_template_kwargs",
                reason: format!(
                    "chat_template_kwargs cannot set `{name}`; it has a field of its own"
                ),
            });
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
