//! `input` of the endpoints that read texts and write none: a text, a list of texts, token ids, or a list of
//! lists of token ids.

use engine::Overlong;
use serde_json::Value;

use super::parse::required;
use super::prompt::{Prompt, Prompts};
use crate::error::ApiError;

/// Texts or token ids, at least one and at most [`MAX_INPUTS`], none of them empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// In the request's order.
    pub texts: Vec<Prompt>,
    /// Whether they stood in a list.
    listed: bool,
}

/// How errors name inputs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InputNames {
    listed: bool,
}

/// Inputs of one request, as many as OpenAI takes.
pub const MAX_INPUTS: usize = 2048;

impl Inputs {
    pub(crate) fn names(&self) -> InputNames {
        let listed = self.listed;
        InputNames { listed }
    }
}

impl InputNames {
    /// The path of an input.
    pub(crate) fn of(self, index: usize) -> String {
        match self.listed {
            true => format!("input[{index}]"),
            false => "input".to_owned(),
        }
    }
}

/// Proves `input`.
///
/// # Errors
/// Names the input at fault.
pub(super) fn inputs(request: &Value, given: Option<Prompts>) -> Result<Inputs, ApiError> {
    let texts = required(given, "input")?.0;
    at_most_inputs("input", texts.len())?;
    let items = request.get("input").and_then(Value::as_array);
    let listed = items.is_some_and(|items| !items.first().is_some_and(Value::is_number));
    let names = InputNames { listed };
    let empty = |text: &Prompt| match text {
        Prompt::Text(text) => text.is_empty(),
        Prompt::Tokens(ids) => ids.is_empty(),
    };
    if let Some(index) = texts.iter().position(empty) {
        let place = names.of(index);
        let message = format!("{place} is empty; an input needs a character or a token");
        return Err(ApiError::invalid(place, message));
    }
    Ok(Inputs { texts, listed })
}

/// Refuses a list that is too long.
pub(super) fn at_most_inputs(field: &str, count: usize) -> Result<(), ApiError> {
    if count <= MAX_INPUTS {
        return Ok(());
    }
    let message = format!("{field} may have {MAX_INPUTS} entries at most, but has {count}");
    Err(ApiError::invalid(field, message))
}

/// What `truncate_prompt_tokens` says; `None` where the field is not set.
pub(super) fn overlong(given: Option<i64>) -> Result<Option<Overlong>, ApiError> {
    match given {
        None => Ok(None),
        Some(-1) => Ok(Some(Overlong::Cut)),
        Some(other) => {
            let message = format!(
                "truncate_prompt_tokens must be -1, which cuts a text to what the model takes, but is {other}"
            );
            Err(ApiError::invalid("truncate_prompt_tokens", message))
        }
    }
}
