//! What is sent.

use serde_json::{Map, Value};

use crate::template::{PromptTemplate, PromptTemplateError};

/// The body of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum HttpBody {
    /// A text, sent as it is.
    Text(PromptTemplate),
    /// JSON of which the texts are templates, so that nothing a variable holds can break it.
    Json(JsonTemplate),
}

/// JSON of which the texts are templates. One that is nothing but the name of a variable in braces, such
/// as `{{ passages }}`, is the variable itself, whatever it holds.
#[derive(Debug, Clone, PartialEq)]
pub enum JsonTemplate {
    /// A value without templates.
    Plain(Value),
    /// A variable as it is.
    Variable(PromptTemplate, String),
    /// A text.
    Text(PromptTemplate),
    /// A list.
    List(Vec<JsonTemplate>),
    /// Named values.
    Object(Vec<(String, JsonTemplate)>),
}

impl HttpBody {
    /// JSON of which the texts are templates; `name` stands in errors.
    ///
    /// # Errors
    /// [`PromptTemplateError`] of the first text that is no template.
    pub fn json(name: &str, value: &Value) -> Result<Self, PromptTemplateError> {
        JsonTemplate::new(name, value).map(Self::Json)
    }

    /// The templates in it.
    pub fn templates(&self) -> Vec<&PromptTemplate> {
        let mut list = Vec::new();
        match self {
            Self::Text(template) => list.push(template),
            Self::Json(json) => json.collect(&mut list),
        }
        list
    }

    /// The bytes, and their type.
    pub(super) fn render(
        &self,
        variables: &Map<String, Value>,
    ) -> Result<(String, &'static str), PromptTemplateError> {
        match self {
            Self::Text(template) => Ok((template.render(variables)?, "text/plain; charset=utf-8")),
            Self::Json(json) => Ok((json.render(variables)?.to_string(), "application/json")),
        }
    }
}

impl JsonTemplate {
    fn new(name: &str, value: &Value) -> Result<Self, PromptTemplateError> {
        Ok(match value {
            Value::String(text) => {
                let template = PromptTemplate::new(name, text)?;
                match variable(text) {
                    Some(variable) if template.names().contains(variable) => {
                        Self::Variable(template, variable.to_owned())
                    }
                    _ => Self::Text(template),
                }
            }
            Value::Array(list) => {
                let item = |(index, item)| Self::new(&format!("{name}[{index}]"), item);
                Self::List(
                    list.iter()
                        .enumerate()
                        .map(item)
                        .collect::<Result<_, _>>()?,
                )
            }
            Value::Object(map) => {
                let entry = |(key, value): (&String, &Value)| {
                    Ok((key.clone(), Self::new(&format!("{name}.{key}"), value)?))
                };
                Self::Object(map.iter().map(entry).collect::<Result<_, _>>()?)
            }
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_)) => Self::Plain(plain.clone()),
        })
    }

    fn collect<'a>(&'a self, list: &mut Vec<&'a PromptTemplate>) {
        match self {
            Self::Plain(_) => {}
            Self::Variable(template, _) | Self::Text(template) => list.push(template),
            Self::List(items) => items.iter().for_each(|item| item.collect(list)),
            Self::Object(entries) => entries.iter().for_each(|(_, value)| value.collect(list)),
        }
    }

    fn render(&self, variables: &Map<String, Value>) -> Result<Value, PromptTemplateError> {
        Ok(match self {
            Self::Plain(value) => value.clone(),
            Self::Variable(template, name) => match variables.get(name) {
                Some(value) => value.clone(),
                None => template.render(variables)?.into(),
            },
            Self::Text(template) => template.render(variables)?.into(),
            Self::List(items) => items
                .iter()
                .map(|item| item.render(variables))
                .collect::<Result<_, _>>()?,
            Self::Object(entries) => {
                let entry =
                    |(key, value): &(String, Self)| Ok((key.clone(), value.render(variables)?));
                Value::Object(entries.iter().map(entry).collect::<Result<_, _>>()?)
            }
        })
    }
}

/// The name, when a text is nothing but a variable in braces.
fn variable(text: &str) -> Option<&str> {
    let name = text.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
    name.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_')
        .then_some(name)
}
