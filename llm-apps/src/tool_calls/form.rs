//! The form of answers that hold valid calls.
//!
//! Where a call is required, nothing but calls can be said. Where the model chooses, text is free until the
//! mark of a call; from there on the call is held to its form. What Python writes has no such form: there a
//! required call is written in JSON, which the parser reads as well, and a free one is left alone.

use engine::constraint::{Grammar, GrammarError, Part};
use serde_json::json;
use thiserror::Error;

use super::format::{ToolFormat, ToolSyntax};
use super::tool::{Tool, ToolChoice, ToolUse};

/// Most calls of one answer that are held to a form one behind the other: a small model may find no end.
const MOST_CALLS: u32 = 16;

/// Why calls cannot be held to what the tools say.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{param}: {error}")]
pub struct ToolFormError {
    /// The field at fault, as OpenAI's API spells it.
    pub param: String,
    /// What is wrong there.
    pub error: GrammarError,
}

impl ToolUse {
    /// The form of answers, if one is needed. `otherwise` is the form of an answer without a call.
    ///
    /// # Errors
    /// [`ToolFormError`] names the tool whose schema cannot be kept.
    pub fn form(
        &self,
        syntax: ToolSyntax,
        otherwise: Option<&Grammar>,
    ) -> Result<Option<Grammar>, ToolFormError> {
        let strict = self.callable().any(|tool| tool.strict);
        let lazy = syntax.format != ToolFormat::Pythonic && (strict || !self.parallel);
        let part = match (self.choice, otherwise) {
            (ToolChoice::Required | ToolChoice::One, _) => self.calls(syntax)?,
            (ToolChoice::Auto, Some(form)) => {
                Part::OneOf(vec![self.calls(syntax)?, Part::Form(form.clone())])
            }
            (ToolChoice::Auto, None) if lazy => self.text_or_calls(syntax)?,
            (ToolChoice::Auto, None) => return Ok(None),
        };
        let grammar = part.into_grammar().map_err(|error| self.fault(error))?;
        Ok(Some(grammar))
    }

    fn fault(&self, error: GrammarError) -> ToolFormError {
        let param = self.param.clone();
        ToolFormError { param, error }
    }

    /// One of the tools, called by a JSON object.
    fn call(&self, format: ToolFormat) -> Result<Part, ToolFormError> {
        let calls: Result<Vec<_>, _> = self
            .callable()
            .map(|tool| self.call_of(tool, format))
            .collect();
        Ok(Part::OneOf(calls?))
    }

    fn call_of(&self, tool: &Tool, format: ToolFormat) -> Result<Part, ToolFormError> {
        let key = match format {
            ToolFormat::Hermes | ToolFormat::Mistral => "arguments",
            ToolFormat::Llama3Json | ToolFormat::Pythonic => "parameters",
        };
        let (name, key) = (json!(tool.name), json!(key));
        let arguments = if self.must_call() || tool.strict {
            Grammar::json_schema(&tool.schema())
        } else {
            Grammar::json_object()
        };
        let arguments = arguments.map_err(|error| ToolFormError {
            param: error.param(&tool.param),
            error,
        })?;
        Ok(Part::Sequence(vec![
            text(&format!("{{\"name\": {name}, {key}: ")),
            Part::Form(arguments),
            text("}"),
        ]))
    }

    /// Nothing but calls.
    fn calls(&self, syntax: ToolSyntax) -> Result<Part, ToolFormError> {
        let call = self.call(syntax.format)?;
        let token = syntax.token.map(Part::Token);
        let marked = |parts: Vec<Part>| {
            let parts = token.iter().cloned().chain(parts);
            Part::Sequence(parts.collect())
        };
        Ok(match (syntax.format, syntax.token) {
            (ToolFormat::Hermes, None) => {
                let ends = text("\n</tool_call>");
                self.several(
                    Part::Sequence(vec![text("<tool_call>\n"), call, ends]),
                    "\n",
                )
            }
            (ToolFormat::Hermes, Some(_)) => marked(vec![call]),
            (ToolFormat::Mistral, _) => {
                marked(vec![text("["), self.several(call, ", "), text("]")])
            }
            (ToolFormat::Llama3Json | ToolFormat::Pythonic, _) => self.several(call, "; "),
        })
    }

    fn several(&self, call: Part, between: &str) -> Part {
        if self.most().is_some() {
            return call;
        }
        let next = Part::Sequence(vec![text(between), call.clone()]);
        let more = Part::Repeat(Box::new(next), Some(MOST_CALLS - 1));
        Part::Sequence(vec![call, more])
    }

    /// Free text, and calls behind their mark.
    fn text_or_calls(&self, syntax: ToolSyntax) -> Result<Part, ToolFormError> {
        let free = || Part::Free { not: None };
        let until = || match syntax.token {
            Some(token) => Part::Sequence(vec![free(), Part::Token(token)]),
            None => Part::Until(syntax.format.mark().to_owned()),
        };
        Ok(match syntax.format {
            ToolFormat::Hermes => {
                let mut call = vec![until(), Part::Space, self.call(syntax.format)?, Part::Space];
                if syntax.token.is_none() {
                    call.push(text("</tool_call>"));
                }
                let call = Part::Sequence(call);
                if self.parallel {
                    Part::Sequence(vec![Part::Repeat(Box::new(call), None), free()])
                } else {
                    Part::OneOf(vec![free(), call])
                }
            }
            ToolFormat::Mistral => {
                let calls = self.several(self.call(syntax.format)?, ", ");
                let list = vec![until(), Part::Space, text("["), calls, text("]")];
                Part::OneOf(vec![free(), Part::Sequence(list)])
            }
            ToolFormat::Llama3Json | ToolFormat::Pythonic => {
                let calls = self.several(self.call(syntax.format)?, "; ");
                Part::OneOf(vec![Part::Free { not: Some('{') }, calls])
            }
        })
    }
}

fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}
