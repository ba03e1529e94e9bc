//! Answers that are JSON of a given form.

use std::fmt;
use std::sync::Arc;

use jsonschema::Validator;
use serde_json::Value;
use thiserror::Error;

/// A JSON Schema, compiled. Cheap to clone.
#[derive(Clone)]
pub struct AnswerSchema {
    schema: Arc<Value>,
    validator: Arc<Validator>,
}

/// Why a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("this is no JSON Schema that can be used: {0}")]
pub struct SchemaError(pub String);

/// Faults that a reason lists.
const SHOWN: usize = 3;
/// Longest fault, in characters: it cites the answer.
const MAX_FAULT: usize = 200;

impl AnswerSchema {
    /// Compiles a schema. What it refers to must stand in itself: nothing is fetched.
    ///
    /// # Errors
    /// [`SchemaError`] when it is none.
    pub fn new(schema: Value) -> Result<Self, SchemaError> {
        let validator = jsonschema::validator_for(&schema)
            .map_err(|error| SchemaError(short(&error.to_string())))?;
        Ok(Self {
            schema: Arc::new(schema),
            validator: Arc::new(validator),
        })
    }

    /// What is wrong with an answer, if it is not JSON or not as the schema has it.
    pub(super) fn fault(&self, answer: &str) -> Option<String> {
        let value: Value = match serde_json::from_str(answer) {
            Ok(value) => value,
            Err(error) => return Some(format!("the answer is no JSON: {error}")),
        };
        let faults: Vec<_> = self
            .validator
            .iter_errors(&value)
            .take(SHOWN)
            .map(|error| {
                let place = error.instance_path().to_string();
                let place = if place.is_empty() {
                    "it".to_owned()
                } else {
                    format!("`{place}`")
                };
                format!("{place}: {}", short(&error.to_string()))
            })
            .collect();
        (!faults.is_empty()).then(|| {
            format!(
                "the answer does not fit its JSON Schema: {}",
                faults.join("; ")
            )
        })
    }
}

fn short(text: &str) -> String {
    if text.chars().count() <= MAX_FAULT {
        return text.to_owned();
    }
    let start: String = text.chars().take(MAX_FAULT).collect();
    format!("{start}...")
}

impl PartialEq for AnswerSchema {
    fn eq(&self, other: &Self) -> bool {
        self.schema == other.schema
    }
}

impl fmt::Debug for AnswerSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnswerSchema").field(&self.schema).finish()
    }
}
