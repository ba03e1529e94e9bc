//! A Jinja expression that is true or false of a payload's variables.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use minijinja::value::Serde;
use minijinja::{Environment, Error, UndefinedBehavior};
use serde_json::{Map, Value};
use thiserror::Error;

/// Such as `passages | length == 0`. True is what Jinja holds to be true: not 0, not empty.
#[derive(Clone)]
pub struct Condition {
    text: Arc<str>,
    environment: Arc<Environment<'static>>,
    names: Arc<BTreeSet<String>>,
}

/// Why a condition cannot be used, or cannot be decided.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the condition `{text}` {reason}")]
pub struct ConditionError {
    /// The condition.
    pub text: Arc<str>,
    /// What is wrong.
    pub reason: String,
}

/// Steps that a condition may take: it is evaluated while a request waits.
const FUEL: u64 = 100_000;
/// Longest condition, in bytes.
const MAX_BYTES: usize = 4096;
const NAME: &str = "condition";

impl Condition {
    /// Compiles an expression.
    ///
    /// # Errors
    /// [`ConditionError`] when it is not one.
    pub fn new(text: &str) -> Result<Self, ConditionError> {
        let text: Arc<str> = text.trim().into();
        let fault = |reason: String| ConditionError {
            text: Arc::clone(&text),
            reason,
        };
        if text.len() > MAX_BYTES {
            return Err(fault(format!("is longer than {MAX_BYTES} bytes")));
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        // Alone it must be an expression; what could close the tag around it is none.
        environment
            .compile_expression(&text)
            .map_err(|error| fault(format!("is no Jinja expression: {}", said(&error))))?;
        environment
            .add_template_owned(NAME, format!("{{% if ({text}) %}}1{{% endif %}}"))
            .map_err(|error| fault(format!("is no Jinja expression: {}", said(&error))))?;
        let names = {
            let template = environment.get_template(NAME);
            let undeclared = template.map(|template| template.undeclared_variables(false));
            let globals: BTreeSet<_> = environment.globals().map(|(name, _)| name).collect();
            let names = undeclared.unwrap_or_default().into_iter();
            names
                .filter(|name| !globals.contains(name.as_str()))
                .collect()
        };
        Ok(Self {
            text,
            environment: Arc::new(environment),
            names: Arc::new(names),
        })
    }

    /// The expression.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The variables that it looks at.
    pub fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// Whether it is true.
    ///
    /// # Errors
    /// [`ConditionError`] when a variable is missing or of a kind that it cannot be asked of.
    pub fn holds(&self, variables: &Map<String, Value>) -> Result<bool, ConditionError> {
        let rendered = self
            .environment
            .get_template(NAME)
            .and_then(|template| template.render(Serde(variables)));
        rendered
            .map(|text| !text.is_empty())
            .map_err(|error| ConditionError {
                text: Arc::clone(&self.text),
                reason: format!("cannot be decided: {}", said(&error)),
            })
    }
}

/// Its kind and detail, without the name and line of a template that nobody wrote.
fn said(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{} ({detail})", error.kind()),
        None => error.kind().to_string(),
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.text).finish()
    }
}
