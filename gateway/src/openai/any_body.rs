//! The one check that property tests and the fuzzer share.

use super::{
    MAX_INPUTS, Rules, batch_request, chat_request, classify_request, completion_request,
    detokenize_request, embedding_request, rerank_request, score_request, tokenize_request,
};
use crate::anthropic::{Extent, messages_request};
use crate::error::ApiError;
use crate::responses::{conversation_request, new_items, response_request};

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
        for extent in [Extent::Answer, Extent::Count] {
            if let Some(messages) = answer(messages_request(body, rules, extent))? {
                let told = messages.chat.conversation.messages;
                prove(!told.is_empty(), "no message")?;
            }
        }
        for inputs in [
            answer(embedding_request(body, rules))?.map(|request| request.inputs),
            answer(classify_request(body, rules))?.map(|request| request.inputs),
        ] {
            let count = inputs.map_or(1, |inputs| inputs.texts.len());
            prove((1..=MAX_INPUTS).contains(&count), "inputs are out of range")?;
        }
        if let Some(rerank) = answer(rerank_request(body, rules))? {
            let count = rerank.documents.len();
            prove(
                (1..=MAX_INPUTS).contains(&count),
                "documents are out of range",
            )?;
        }
        if let Some(score) = answer(score_request(body, rules))? {
            let (left, right) = (score.text_1.len(), score.text_2.len());
            prove(left == 1 || left == right, "texts without a partner")?;
        }
        answer(batch_request(body, rules))?;
        if let Some(response) = answer(response_request(body, rules))? {
            prove(
                !response.background || response.store,
                "nobody could ask for it",
            )?;
        }
        answer(conversation_request(body, rules, "conv_"))?;
        answer(new_items(body, rules, "items_"))?;
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
