//! [`ToolUse`]: the tools of a request, and what is to be done with them.

use serde_json::{Value, json};

/// A function that a model may ask to be called.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// The tool as chat templates read it.
    pub told: Value,
    /// The schema of its arguments, which are an object.
    pub parameters: Value,
    /// Whether arguments keep to the schema also where the call is the model's own choice.
    pub strict: bool,
    /// The field that holds the schema, as OpenAI's API spells it.
    pub param: String,
}

/// Which tools may or must be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolChoice {
    /// As the model chooses.
    Auto,
    /// At least one call.
    Required,
    /// Exactly one call.
    One,
}

/// Tools, and what is to be done with them.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolUse {
    /// The tools that the model is told of.
    pub tools: Vec<Tool>,
    /// Places in `tools` of those that may be called.
    pub callable: Vec<usize>,
    /// Whether there must be a call.
    pub choice: ToolChoice,
    /// Whether there may be several calls.
    pub parallel: bool,
    /// The field that says so, as OpenAI's API spells it.
    pub param: String,
}

impl ToolUse {
    /// The tools that may be called.
    pub fn callable(&self) -> impl Iterator<Item = &Tool> {
        self.callable
            .iter()
            .filter_map(|index| self.tools.get(*index))
    }

    /// Calls that there may be; `None` is not bounded.
    pub fn most(&self) -> Option<usize> {
        (self.choice == ToolChoice::One || !self.parallel).then_some(1)
    }

    /// Whether there must be a call.
    pub fn must_call(&self) -> bool {
        self.choice != ToolChoice::Auto
    }
}

impl Tool {
    /// The schema that arguments are held to: an object, without properties that it does not name, unless it
    /// says more of them. A model that may invent properties does not stop doing so.
    pub(super) fn schema(&self) -> Value {
        const OPEN: [&str; 8] = [
            "additionalProperties",
            "patternProperties",
            "allOf",
            "anyOf",
            "oneOf",
            "$ref",
            "minProperties",
            "const",
        ];
        let mut schema = self.parameters.clone();
        if let Value::Object(fields) = &mut schema {
            let named = fields.get("properties").and_then(Value::as_object);
            let closed = named.is_some() && !OPEN.iter().any(|key| fields.contains_key(*key));
            fields.entry("type").or_insert_with(|| json!("object"));
            if closed {
                fields.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
        }
        schema
    }
}
