//! One question: how it is read, and how a model is asked.

use serde_json::Value;

use super::input::{invalid, text};
use crate::error::ApiError;

/// A question about the input.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Question {
    pub(super) name: Option<String>,
    pub(super) instructions: String,
    pub(super) kind: Kind,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Whether something is true.
    Predicate,
    /// One of these.
    Choice(Vec<Choice>),
    /// A place on this scale, from its lowest level.
    Score(Vec<Level>),
}

/// One of several answers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    /// A string or a boolean.
    pub(super) value: Value,
    pub(super) description: String,
}

/// One level of a scale.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Level {
    pub(super) label: String,
    pub(super) description: String,
}

/// Labels of choices: what most tokenizers have as one token at the beginning of an answer.
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Labels of levels.
const DIGITS: &str = "0123456789";

impl Question {
    /// Reads the question at `place`.
    ///
    /// # Errors
    /// Names the field at fault.
    pub(super) fn read(question: &Value, place: &str) -> Result<Self, ApiError> {
        if !question.is_object() {
            return Err(invalid(place, "must be an object"));
        }
        let below = |name: &str| format!("{place}.{name}");
        let field = |name: &str| question.get(name).filter(|value| !value.is_null());
        let instructions = field("instructions");
        let instructions = instructions
            .ok_or_else(|| invalid(&below("instructions"), "is required"))
            .and_then(|given| text(given, &below("instructions")))?;
        let kind = match field("type").and_then(Value::as_str) {
            Some("predicate") => Kind::Predicate,
            Some("choice") => Kind::Choice(choices(field("choices"), &below("choices"))?),
            Some("score") => Kind::Score(levels(field("levels"), &below("levels"))?),
            _ => {
                let must = "must be predicate, choice or score";
                return Err(invalid(&below("type"), must));
            }
        };
        let name = match field("name") {
            None => None,
            Some(Value::String(name)) => Some(name.clone()),
            Some(_) => return Err(invalid(&below("name"), "must be a string")),
        };
        Ok(Self {
            name,
            instructions,
            kind,
        })
    }

    /// What the model answers with, one for each outcome.
    pub(super) fn labels(&self) -> Vec<String> {
        let first = |labels: &str, count: usize| {
            let labels = labels.chars().take(count);
            labels.map(String::from).collect()
        };
        match &self.kind {
            Kind::Predicate => vec!["Yes".to_owned(), "No".to_owned()],
            Kind::Choice(choices) => first(LETTERS, choices.len()),
            Kind::Score(levels) => first(DIGITS, levels.len()),
        }
    }

    /// What the model is asked about `input`.
    pub(super) fn prompt(&self, input: &str) -> String {
        let asked = &self.instructions;
        let listed = |names: Vec<(String, &str)>| {
            let labels = self.labels().into_iter().zip(names);
            let lines = labels.map(|(label, (name, description))| match description {
                "" => format!("{label}) {name}\n"),
                _ => format!("{label}) {name}: {description}\n"),
            });
            lines.collect::<String>()
        };
        match &self.kind {
            Kind::Predicate => format!(
                "{input}\n\nIs this true of the text above? {asked}\n\nReply with Yes or No, nothing else."
            ),
            Kind::Choice(choices) => {
                let named = choices.iter().map(|c| (c.shown(), &*c.description));
                format!(
                    "{input}\n\n{asked}\n\n{}\nReply with the letter of the right one, nothing else.",
                    listed(named.collect())
                )
            }
            Kind::Score(levels) => {
                let named = levels.iter().map(|l| (l.label.clone(), &*l.description));
                format!(
                    "{input}\n\n{asked}\n\n{}\nReply with the number of the level that fits best, nothing else.",
                    listed(named.collect())
                )
            }
        }
    }
}

impl Choice {
    fn shown(&self) -> String {
        let text = self.value.as_str().map(str::to_owned);
        text.unwrap_or_else(|| self.value.to_string())
    }
}

fn choices(given: Option<&Value>, place: &str) -> Result<Vec<Choice>, ApiError> {
    let mut choices: Vec<Choice> = Vec::new();
    for (index, item) in list(given, place, LETTERS.len())?.iter().enumerate() {
        let value = match item.get("value") {
            Some(value @ (Value::String(_) | Value::Bool(_))) => value.clone(),
            _ => {
                let place = format!("{place}[{index}].value");
                return Err(invalid(&place, "must be a string or a boolean"));
            }
        };
        if choices.iter().any(|known| known.value == value) {
            let place = format!("{place}[{index}].value");
            return Err(invalid(&place, "is there twice; choices must differ"));
        }
        let description = description(item, &format!("{place}[{index}]"))?;
        choices.push(Choice { value, description });
    }
    Ok(choices)
}

fn levels(given: Option<&Value>, place: &str) -> Result<Vec<Level>, ApiError> {
    let items = list(given, place, DIGITS.len())?.iter().enumerate();
    let level = |(index, item): (usize, &Value)| {
        let label = item.get("label").and_then(Value::as_str);
        let label =
            label.ok_or_else(|| invalid(&format!("{place}[{index}].label"), "must be a string"))?;
        Ok(Level {
            label: label.to_owned(),
            description: description(item, &format!("{place}[{index}]"))?,
        })
    };
    items.map(level).collect()
}

fn list<'a>(given: Option<&'a Value>, place: &str, most: usize) -> Result<&'a [Value], ApiError> {
    let items = given.and_then(Value::as_array).map(Vec::as_slice);
    let items = items.ok_or_else(|| invalid(place, "must be a list"))?;
    if (2..=most).contains(&items.len()) {
        return Ok(items);
    }
    let count = items.len();
    let must = format!("must have 2 to {most} entries, each told by one token, but has {count}");
    Err(invalid(place, &must))
}

fn description(item: &Value, place: &str) -> Result<String, ApiError> {
    match item.get("description") {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(invalid(&format!("{place}.description"), "must be a string")),
    }
}
