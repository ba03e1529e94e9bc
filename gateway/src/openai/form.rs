//! The fields that ask for a form of the answer: OpenAI's `response_format`, and what vLLM calls
//! `structured_outputs`, and `guided_...` before that.

use engine::constraint::{Grammar, GrammarError};
use llm_apps::stage::generate::Form;
use serde::Deserialize;
use serde_json::Value;

use super::object::AsObject;
use super::parse::{required, typed};
use super::wording::check_name;
use crate::error::ApiError;

#[derive(Debug, Deserialize)]
struct Wire {
    response_format: Option<AsObject<ResponseFormat>>,
    structured_outputs: Option<AsObject<StructuredOutputs>>,
    guided_json: Option<Value>,
    guided_regex: Option<String>,
    guided_choice: Option<Vec<String>>,
    guided_grammar: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ResponseFormat {
    #[serde(rename = "type")]
    kind: String,
    json_schema: Option<AsObject<JsonSchema>>,
}

#[derive(Debug, Deserialize)]
struct JsonSchema {
    name: String,
    schema: Option<Value>,
    #[serde(rename = "description")]
    _description: Option<String>,
    #[serde(rename = "strict")]
    _strict: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct StructuredOutputs {
    json: Option<Value>,
    regex: Option<String>,
    choice: Option<Vec<String>>,
    grammar: Option<String>,
    json_object: Option<bool>,
}

/// Forms that were asked for, each with its field.
#[derive(Default)]
struct Asked {
    forms: Vec<(&'static str, Result<Grammar, GrammarError>)>,
}

/// The form that `request` asks for, if any.
///
/// # Errors
/// Names the field at fault, or both of two that ask for a form.
pub(super) fn form(request: &Value) -> Result<Option<Form>, ApiError> {
    let wire: Wire = typed(request)?;
    let mut asked = Asked::default();
    if let Some(AsObject(format)) = wire.response_format {
        response_format(format, &mut asked)?;
    }
    if let Some(AsObject(outputs)) = wire.structured_outputs {
        structured_outputs(outputs, &mut asked)?;
    }
    asked.json("guided_json", wire.guided_json)?;
    asked.put("guided_regex", wire.guided_regex, |r| Grammar::regex(&r));
    asked.put("guided_choice", wire.guided_choice, |c| Grammar::choice(&c));
    asked.put("guided_grammar", wire.guided_grammar, |g| {
        Grammar::language(&g)
    });
    let mut forms = asked.forms.into_iter();
    let Some((param, grammar)) = forms.next() else {
        return Ok(None);
    };
    if let Some((other, _)) = forms.next() {
        return Err(both(param, other));
    }
    proved(param, grammar).map(Some)
}

/// Two fields ask for a form, and an answer has one.
pub(super) fn both(one: &str, other: &str) -> ApiError {
    let message = format!(
        "{one} and {other} each ask for a form of the answer; an answer has one: leave one out"
    );
    ApiError::invalid(other, message)
}

/// The form that `param` asks for.
pub(super) fn proved(
    param: &str,
    grammar: Result<Grammar, GrammarError>,
) -> Result<Form, ApiError> {
    let grammar = grammar.map_err(|error| {
        let message = format!("{param}: {error}");
        ApiError::invalid(error.param(param), message)
    })?;
    let param = param.to_owned();
    Ok(Form { grammar, param })
}

fn response_format(format: ResponseFormat, asked: &mut Asked) -> Result<(), ApiError> {
    const SCHEMA: &str = "response_format.json_schema";
    if format.kind != "json_schema" && format.json_schema.is_some() {
        let message = format!("{SCHEMA} needs response_format.type to be \"json_schema\"");
        return Err(ApiError::invalid(SCHEMA, message));
    }
    match format.kind.as_str() {
        "text" => {}
        "json_object" => asked.push("response_format", Grammar::json_object()),
        "json_schema" => {
            let AsObject(given) = required(format.json_schema, SCHEMA)?;
            check_name(&given.name, "response_format.json_schema.name")?;
            const PARAM: &str = "response_format.json_schema.schema";
            let schema = required(given.schema, PARAM)?;
            asked.push(PARAM, Grammar::json_schema(&schema));
        }
        other => {
            let other: String = other.chars().take(40).collect();
            let message = format!(
                "response_format.type must be \"text\", \"json_object\" or \"json_schema\", but is {other:?}"
            );
            return Err(ApiError::invalid("response_format.type", message));
        }
    }
    Ok(())
}

fn structured_outputs(outputs: StructuredOutputs, asked: &mut Asked) -> Result<(), ApiError> {
    let before = asked.forms.len();
    asked.json("structured_outputs.json", outputs.json)?;
    asked.put("structured_outputs.regex", outputs.regex, |r| {
        Grammar::regex(&r)
    });
    asked.put("structured_outputs.choice", outputs.choice, |c| {
        Grammar::choice(&c)
    });
    asked.put("structured_outputs.grammar", outputs.grammar, |g| {
        Grammar::language(&g)
    });
    let any = outputs.json_object.filter(|wanted| *wanted);
    asked.put("structured_outputs.json_object", any, |_| {
        Grammar::json_object()
    });
    if asked.forms.len() == before {
        let message =
            "structured_outputs needs one of json, regex, choice, grammar and json_object";
        return Err(ApiError::invalid("structured_outputs", message));
    }
    Ok(())
}

impl Asked {
    fn push(&mut self, param: &'static str, grammar: Result<Grammar, GrammarError>) {
        self.forms.push((param, grammar));
    }

    fn put<T>(
        &mut self,
        param: &'static str,
        value: Option<T>,
        read: impl FnOnce(T) -> Result<Grammar, GrammarError>,
    ) {
        if let Some(value) = value {
            self.push(param, read(value));
        }
    }

    /// A schema, as JSON or as a string of JSON.
    fn json(&mut self, param: &'static str, value: Option<Value>) -> Result<(), ApiError> {
        let schema = match value {
            Some(Value::String(text)) => serde_json::from_str(&text).map_err(|error| {
                ApiError::invalid(
                    param,
                    format!("{param} is a string that is no JSON: {error}"),
                )
            })?,
            Some(schema) => schema,
            None => return Ok(()),
        };
        self.push(param, Grammar::json_schema(&schema));
        Ok(())
    }
}
