//! A filter with variables in it: its shape is proved when the configuration is loaded, what the
//! variables hold when a request is there.

use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::stage::StageError;
use crate::template::{JsonTemplate, PromptTemplate, PromptTemplateError};
use crate::vector::{Filter, VectorError};

/// A filter as Qdrant's. Variables stand for what is matched and for bounds of ranges; which keys are
/// looked at, and how conditions are joined, is fixed.
#[derive(Debug, Clone, PartialEq)]
pub struct FilterTemplate(Form);

/// Why a filter cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FilterFault {
    /// One of its texts is no template.
    #[error(transparent)]
    Template(#[from] PromptTemplateError),
    /// A variable stands where none may.
    #[error(
        "`{text}` stands where no variable may: variables are what is matched (`value`, `any`) and \
         bounds of a `range`"
    )]
    Place {
        /// The text.
        text: String,
    },
    /// It is no filter.
    #[error("{0}")]
    Shape(String),
    /// It is one that cannot be applied.
    #[error(transparent)]
    Filter(#[from] VectorError),
}

#[derive(Debug, Clone, PartialEq)]
enum Form {
    Fixed(Filter),
    WithVariables(JsonTemplate),
}

/// What may stand at a place of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// No variable.
    Fixed,
    /// One value.
    Scalar,
    /// A list of values.
    List,
    /// A number.
    Number,
}

/// The name of the filter's templates in errors.
const NAME: &str = "filter";

impl FilterTemplate {
    /// Proves a filter, with something in the place of each variable.
    ///
    /// # Errors
    /// [`FilterFault`] of the first thing that is wrong.
    pub fn new(written: &Value) -> Result<Self, FilterFault> {
        let json = JsonTemplate::new(NAME, written)?;
        let filter = filter(&sample(&json, Place::Fixed)?)?;
        let is_fixed = json.templates().iter().all(|text| text.names().is_empty());
        Ok(Self(if is_fixed {
            Form::Fixed(filter)
        } else {
            Form::WithVariables(json)
        }))
    }

    /// The templates in it.
    pub fn templates(&self) -> Vec<&PromptTemplate> {
        match &self.0 {
            Form::Fixed(_) => Vec::new(),
            Form::WithVariables(json) => json.templates(),
        }
    }

    /// The filter with these variables. What does not fit came with the request.
    pub(super) fn render(&self, variables: &Map<String, Value>) -> Result<Filter, StageError> {
        match &self.0 {
            Form::Fixed(filter) => Ok(filter.clone()),
            Form::WithVariables(json) => {
                let rendered = json.render(variables).map_err(FilterFault::from);
                let made = rendered.and_then(|value| filter(&value));
                made.map_err(|fault| {
                    let names: Vec<&str> = self
                        .templates()
                        .into_iter()
                        .flat_map(|template| template.names().iter().map(String::as_str))
                        .collect();
                    StageError::Invalid {
                        message: format!(
                            "the filter cannot be made of {}: {fault}",
                            names.join(", ")
                        ),
                        param: names.first().map(|&name| name.to_owned()),
                    }
                })
            }
        }
    }
}

fn filter(value: &Value) -> Result<Filter, FilterFault> {
    if !value.is_object() {
        let message = "a filter has `must`, `should` or `must_not`, each a list of conditions";
        return Err(FilterFault::Shape(message.to_owned()));
    }
    let filter =
        Filter::deserialize(value).map_err(|error| FilterFault::Shape(error.to_string()))?;
    filter.prove()?;
    Ok(filter)
}

/// The filter with something that fits in the place of each variable.
fn sample(json: &JsonTemplate, place: Place) -> Result<Value, FilterFault> {
    Ok(match json {
        JsonTemplate::Plain(value) => value.clone(),
        JsonTemplate::Text(text) if text.names().is_empty() => text.render(&Map::new())?.into(),
        JsonTemplate::Text(text) => match place {
            Place::Scalar => Value::String(String::new()),
            Place::Fixed | Place::List | Place::Number => return Err(misplaced(text)),
        },
        JsonTemplate::Variable(text, _) => match place {
            Place::Scalar => Value::String(String::new()),
            Place::List => Value::Array(Vec::new()),
            Place::Number => 0.into(),
            Place::Fixed => return Err(misplaced(text)),
        },
        JsonTemplate::List(items) => {
            let of_items = match place {
                Place::List => Place::Scalar,
                Place::Fixed | Place::Scalar | Place::Number => Place::Fixed,
            };
            let items = items.iter().map(|item| sample(item, of_items));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        JsonTemplate::Object(entries) => {
            let entry = |(key, value): &(String, JsonTemplate)| {
                let place = match key.as_str() {
                    "value" => Place::Scalar,
                    "any" => Place::List,
                    "gt" | "gte" | "lt" | "lte" => Place::Number,
                    _ => Place::Fixed,
                };
                Ok((key.clone(), sample(value, place)?))
            };
            let entries = entries.iter().map(entry);
            Value::Object(entries.collect::<Result<_, FilterFault>>()?)
        }
    })
}

fn misplaced(text: &PromptTemplate) -> FilterFault {
    FilterFault::Place {
        text: text.source().to_owned(),
    }
}
