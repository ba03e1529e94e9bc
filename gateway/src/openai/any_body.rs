//! The one check that property tests and the fuzzer share.

use super::{Rules, batch_request, chat_request, completion_request};
use super::{detokenize_request, tokenize_request};
use crate::error::ApiError;

/// Gives `body` to every parser, strict and not.
///
/// # Errors
/// Says what a parser answered that is neither a proved request nor an error of the client's with
/// words.
pub fn check_any_body(body: &[u8]) -> Result<(), String> {
    for strict in [false, true] {
        let rules = Rules {
            strict,
            max_choices: 128,
        };
        if let Some(chat) = answer(chat_request(body, rules))? {
            prove(!chat.conversation.messages.is_empty(), "no message")?;
            prove((1..=128).contains(&chat.decoding.n), "n is out of range")?;
            prove(
                !strict || chat.unknown_fields == 0,
                "an unknown field passed",
            )?;
        }
        if let Some(completion) = answer(completion_request(body, rules))? {
            prove(!completion.prompts.is_empty(), "no prompt")?;
            prove(
                (1..=128).contains(&completion.decoding.n),
                "n is out of range",
            )?;
            prove(
                !strict || completion.unknown_fields == 0,
                "an unknown field passed",
            )?;
        }
        answer(batch_request(body, rules))?;
        answer(tokenize_request(body, rules))?;
        answer(detokenize_request(body, rules))?;
    }
    Ok(())
}

/// The proved request, or `None` for a fault of the client's.
fn answer<T>(outcome: Result<T, ApiError>) -> Result<Option<T>, String> {
    match outcome {
        Ok(request) => Ok(Some(request)),
        Err(ApiError::Invalid { message, param, .. }) => {
            prove(
                (1..4096).contains(&message.len()),
                "a message without measure",
            )?;
            prove(param.is_none_or(|p| !p.is_empty()), "an empty param")?;
            Ok(None)
        }
        Err(other) => Err(format!("not a fault of the request: {other:?}")),
    }
}

fn prove(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds {
        Ok(())
    } else {
        Err(otherwise.to_owned())
    }
}
