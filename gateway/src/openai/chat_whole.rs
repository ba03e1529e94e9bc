//! A chat's answer in one piece.

use super::chat_response::{ChatChoice, ChatCompletion};
use super::head::Head;
use super::logprobs::{ChatLogprobs, prompt_logprobs};
use super::usage::Usage;
use super::wording::finish_reason;
use crate::generation::WholeChoice;

/// The response. `logprobs` says whether log-probabilities were asked for.
pub(crate) fn chat_completion(
    head: Head,
    choices: Vec<WholeChoice>,
    logprobs: bool,
    usage: Usage,
) -> ChatCompletion {
    let prompt = choices.first().filter(|c| !c.prompt.is_empty());
    let prompt_logprobs = prompt.map(|c| prompt_logprobs(&c.prompt));
    let choices = choices.into_iter().enumerate().map(|(index, choice)| {
        let scored = logprobs.then(|| {
            let mut scored = ChatLogprobs::default();
            scored.extend(&choice.tokens);
            scored
        });
        let reason = choice.reason.as_ref().map_or("stop", finish_reason);
        ChatChoice::new(index, choice.text, scored, reason)
    });
    let mut completion = ChatCompletion::new(head, choices.collect(), usage);
    completion.prompt_logprobs = prompt_logprobs;
    completion
}
