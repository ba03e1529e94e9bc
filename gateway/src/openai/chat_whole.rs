//! A chat's answer in one piece.

use super::chat_reader::{ChatPiece, ChatReader, ChatReading};
use super::chat_response::{AssistantMessage, ChatChoice, ChatCompletion, ToolCall};
use super::head::Head;
use super::logprobs::{ChatLogprobs, prompt_logprobs};
use super::usage::Usage;
use crate::generation::WholeChoice;

/// The response. `logprobs` says whether log-probabilities were asked for.
pub(crate) fn chat_completion(
    head: Head,
    choices: Vec<WholeChoice>,
    (reading, logprobs): (&ChatReading, bool),
    usage: Usage,
) -> ChatCompletion {
    let prompt = choices.first().filter(|c| !c.prompt.is_empty());
    let prompt_logprobs = prompt.map(|c| prompt_logprobs(&c.prompt));
    let mut reasoning: u32 = 0;
    let choices = choices.into_iter().enumerate().map(|(index, choice)| {
        let scored = logprobs.then(|| {
            let mut scored = ChatLogprobs::default();
            scored.extend(&choice.tokens);
            scored
        });
        let id = |call| reading.call_id(&head.id, index, call);
        let mut reader = reading.reader();
        let message = message(&mut reader, &choice, id);
        reasoning += reader.reasoning_tokens();
        let reason = choice.reason.as_ref();
        let reason = reason.map_or("stop", |reason| reader.finish_reason(reason));
        ChatChoice::new(index, message, scored, reason)
    });
    let choices = choices.collect();
    let mut completion = ChatCompletion::new(head, choices, usage.with_reasoning(reasoning));
    completion.prompt_logprobs = prompt_logprobs;
    completion
}

/// What a text means; `id` gives the ids of calls.
fn message(
    reader: &mut ChatReader,
    choice: &WholeChoice,
    id: impl Fn(usize) -> String,
) -> AssistantMessage {
    let mut pieces = Vec::new();
    let mut start = 0;
    for (end, tokens) in &choice.written {
        let text = choice.text.get(start..*end).unwrap_or_default();
        pieces.extend(reader.push(text, *tokens));
        start = *end;
    }
    pieces.extend(reader.finish());
    let (mut thought, mut content) = (String::new(), String::new());
    let mut calls = Vec::<ToolCall>::new();
    for piece in pieces {
        match piece {
            ChatPiece::Reasoning(text) => thought.push_str(&text),
            ChatPiece::Content(text) => content.push_str(&text),
            ChatPiece::Call { index, name } => calls.push(ToolCall::new(id(index), name)),
            ChatPiece::Arguments { index, text } => {
                if let Some(call) = calls.get_mut(index) {
                    call.argue(&text);
                }
            }
        }
    }
    AssistantMessage::new(thought, content, calls)
}
