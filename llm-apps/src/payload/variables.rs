//! Variables by name, and the answer while it is still being made.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use thiserror::Error;

use super::answer::Answer;
use super::kind::Kind;
use super::names;
use crate::stage::StageError;

/// What moves between stages. It is handed on, not shared: a stage takes it and gives it back with
/// what it found.
#[derive(Default)]
pub struct Payload {
    variables: Map<String, Value>,
    answer: Option<Answer>,
}

/// Why a variable cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VariableError {
    /// There is none of this name.
    #[error("there is no variable `{0}`")]
    Missing(String),
    /// It holds something else.
    #[error("the variable `{name}` must be {wanted}, but is {found}")]
    Kind {
        /// The variable.
        name: String,
        /// What is wanted.
        wanted: String,
        /// The beginning of what it holds.
        found: String,
    },
}

impl Payload {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// With these variables.
    pub fn of(variables: Map<String, Value>) -> Self {
        Self {
            variables,
            answer: None,
        }
    }

    /// All variables. An answer that is still being made is not among them.
    pub fn variables(&self) -> &Map<String, Value> {
        &self.variables
    }

    /// The variables alone; an answer that is still being made is dropped.
    pub fn into_variables(self) -> Map<String, Value> {
        self.variables
    }

    /// A variable.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }

    /// Forgets a variable.
    pub fn remove(&mut self, name: &str) {
        // The others keep their order.
        self.variables.shift_remove(name);
    }

    /// Sets a variable.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.variables.insert(name.into(), value.into());
    }

    /// A text.
    ///
    /// # Errors
    /// [`VariableError`] when there is no such variable, or it holds something else.
    pub fn text(&self, name: &str) -> Result<&str, VariableError> {
        let value = self.variables.get(name).ok_or_else(|| missing(name))?;
        value
            .as_str()
            .ok_or_else(|| of_kind(name, &Kind::Text.to_string(), value))
    }

    /// A variable as a type of ours, such as a list of [`Passage`](super::Passage)s.
    ///
    /// # Errors
    /// [`VariableError`] when there is no such variable, or it does not read as one.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Result<T, VariableError> {
        let value = self.variables.get(name).ok_or_else(|| missing(name))?;
        T::deserialize(value).map_err(|error| of_kind(name, &error.to_string(), value))
    }

    /// Sets the answer, whose pieces come when it is read.
    pub fn set_answer(&mut self, answer: Answer) {
        self.variables.remove(names::ANSWER);
        self.answer = Some(answer);
    }

    /// Takes the answer while it is still being made; `None` when there is none or it is complete.
    pub fn take_answer(&mut self) -> Option<Answer> {
        self.answer.take()
    }

    /// Whether there is an answer that is still being made.
    pub fn has_answer(&self) -> bool {
        self.answer.is_some()
    }

    /// Waits until the answer is complete and a variable like the others.
    ///
    /// # Errors
    /// That of the stage that makes it.
    pub async fn complete(&mut self) -> Result<(), StageError> {
        if let Some(answer) = self.answer.take() {
            let text = answer.text().await?;
            self.set(names::ANSWER, text);
        }
        Ok(())
    }
}

impl From<VariableError> for StageError {
    /// Stages are checked against each other when the configuration is loaded; what still does not fit
    /// came with the request.
    fn from(error: VariableError) -> Self {
        let param = match &error {
            VariableError::Missing(name) | VariableError::Kind { name, .. } => name.clone(),
        };
        Self::Invalid {
            message: error.to_string(),
            param: Some(param),
        }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload")
            .field("variables", &self.variables)
            .field("answer", &self.answer.is_some())
            .finish()
    }
}

fn missing(name: &str) -> VariableError {
    VariableError::Missing(name.to_owned())
}

fn of_kind(name: &str, wanted: &str, value: &Value) -> VariableError {
    VariableError::Kind {
        name: name.to_owned(),
        wanted: wanted.to_owned(),
        found: value.to_string().chars().take(80).collect(),
    }
}
