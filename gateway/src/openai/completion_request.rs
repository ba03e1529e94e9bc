//! A request for a completion, from bytes to a value that holds what will be done.

use serde::Deserialize;

use super::chat_request::prompt_logprobs_in_stream;
use super::decoding::{Decoding, decoding};
use super::parse::{required, typed};
use super::prompt::{Prompt, Prompts};
use super::streaming::{StreamOptions, streaming};
use super::tables::COMPLETIONS;
use super::judge::{Rules, judged};
use crate::error::ApiError;

/// What a client wants of a completion.
#[derive(Debug, Clone, PartialEq)]
pub struct CompletionRequest {
    /// Id or alias of a model.
    pub model: String,
    /// What to continue, at least one.
    pub prompts: Vec<Prompt>,
    /// How to generate.
    pub decoding: Decoding,
    /// Whether the answer begins with the prompt.
    pub echo: bool,
    /// `None` wants the answer in one piece.
    pub stream: Option<StreamOptions>,
    /// Fields that no table knows.
    pub unknown_fields: usize,
}

#[derive(Debug, Deserialize)]
struct Wire {
    model: Option<String>,
    prompt: Option<Prompts>,
    echo: Option<bool>,
    logprobs: Option<u32>,
    best_of: Option<u32>,
}

/// Reads the body of `POST /v1/completions`.
///
/// # Errors
/// [`ApiError::Invalid`] names the field at fault.
pub fn completion_request(body: &[u8], rules: Rules) -> Result<CompletionRequest, ApiError> {
    let (request, unknown_fields) = judged(body, COMPLETIONS, rules)?;
    let wire: Wire = typed(&request)?;
    let model = required(wire.model, "model")?;
    let prompts = required(wire.prompt, "prompt")?.0;
    let stream = streaming(&request)?;
    let mut decoding = decoding(&request, rules.max_choices)?;
    let echo = wire.echo.unwrap_or(false);
    if stream.is_some() && decoding.given.prompt_logprobs.is_some() {
        return Err(prompt_logprobs_in_stream());
    }
    prove_counts(&prompts, decoding.n, wire.best_of, rules.max_choices)?;
    prove_logprobs(wire.logprobs)?;
    decoding.logprobs = wire.logprobs;
    Ok(CompletionRequest {
        model,
        prompts,
        decoding,
        echo,
        stream,
        unknown_fields,
    })
}

fn prove_counts(
    prompts: &[Prompt],
    n: u32,
    best_of: Option<u32>,
    max_choices: u32,
) -> Result<(), ApiError> {
    if let Some(best_of) = best_of.filter(|&b| b != n) {
        let message = format!(
            "best_of is {best_of} and n is {n}: picking the best of more answers is not supported; \
             leave best_of out or set it to n"
        );
        return Err(ApiError::invalid("best_of", message));
    }
    let choices = prompts.len().saturating_mul(n as usize);
    if choices > max_choices as usize {
        let message = format!(
            "{} prompts with n {n} ask for {choices} answers; one request may ask for {max_choices}",
            prompts.len()
        );
        return Err(ApiError::invalid("prompt", message));
    }
    Ok(())
}

/// The engine would name chat's field.
fn prove_logprobs(logprobs: Option<u32>) -> Result<(), ApiError> {
    match logprobs {
        Some(count) if count > engine::MAX_LOGPROBS => {
            let most = engine::MAX_LOGPROBS;
            let message = format!("logprobs must be from 0 to {most}, but is {count}");
            Err(ApiError::invalid("logprobs", message))
        }
        _ => Ok(()),
    }
}
