//! JSON of which the texts are templates.

use serde_json::{Map, Value};

use super::prompt::{PromptTemplate, PromptTemplateError};

/// A value of JSON. A text that is nothing but the name of a variable in braces, such as
/// `{{ passages }}`, or of a field of one, such as `{{ request.year }}`, is what that holds, whatever it
/// is. Nothing a variable holds can change the shape around it.
#[derive(Debug, Clone, PartialEq)]
pub enum JsonTemplate {
    /// A value without templates.
    Plain(Value),
    /// A variable as it is, or a field of one: the way to it.
    Variable(PromptTemplate, Vec<String>),
    /// A text.
    Text(PromptTemplate),
    /// A list.
    List(Vec<JsonTemplate>),
    /// Named values.
    Object(Vec<(String, JsonTemplate)>),
}

impl JsonTemplate {
    /// Compiles every text; `name` stands in errors.
    ///
    /// # Errors
    /// [`PromptTemplateError`] of the first text that is no template.
    pub fn new(name: &str, value: &Value) -> Result<Self, PromptTemplateError> {
        Ok(match value {
            Value::String(text) => {
                let template = PromptTemplate::new(name, text)?;
                match variable(text) {
                    Some(way) if template.names().contains(&way[0]) => {
                        Self::Variable(template, way)
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

    /// The templates in it.
    pub fn templates(&self) -> Vec<&PromptTemplate> {
        let mut list = Vec::new();
        self.collect(&mut list);
        list
    }

    /// The value with these variables.
    ///
    /// # Errors
    /// [`PromptTemplateError`] of the first text that cannot be rendered.
    pub fn render(&self, variables: &Map<String, Value>) -> Result<Value, PromptTemplateError> {
        Ok(match self {
            Self::Plain(value) => value.clone(),
            // What is not there, the template complains about.
            Self::Variable(template, way) => match found(variables, way) {
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

    fn collect<'a>(&'a self, list: &mut Vec<&'a PromptTemplate>) {
        match self {
            Self::Plain(_) => {}
            Self::Variable(template, _) | Self::Text(template) => list.push(template),
            Self::List(items) => items.iter().for_each(|item| item.collect(list)),
            Self::Object(entries) => entries.iter().for_each(|(_, value)| value.collect(list)),
        }
    }
}

fn found<'v>(variables: &'v Map<String, Value>, way: &[String]) -> Option<&'v Value> {
    let (variable, fields) = way.split_first()?;
    let value = variables.get(variable)?;
    fields
        .iter()
        .try_fold(value, |value, field| value.get(field))
}

/// The way, when a text is nothing but a variable in braces, or a field of one.
fn variable(text: &str) -> Option<Vec<String>> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
    let is_name = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let way: Vec<String> = inner.split('.').map(str::to_owned).collect();
    way.iter().all(|part| is_name(part)).then_some(way)
}
