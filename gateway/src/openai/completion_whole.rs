//! A completion's answer in one piece.

use super::completion_request::CompletionRequest;
use super::completion_response::CompletionChoice;
use super::logprobs::{ClassicLogprobs, prompt_logprobs};
use super::wording::finish_reason;
use crate::generation::WholeChoice;

/// What of a request shapes its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CompletionShape {
    /// Whether log-probabilities were asked for.
    pub(crate) logprobs: bool,
    /// Whether those of the prompt were, by name.
    pub(crate) prompt_logprobs: bool,
    /// Whether the answer begins with the prompt.
    pub(crate) echo: bool,
}

impl CompletionShape {
    pub(crate) fn of(request: &CompletionRequest) -> Self {
        let decoding = &request.decoding;
        Self {
            logprobs: decoding.logprobs.is_some(),
            prompt_logprobs: decoding.given.prompt_logprobs.is_some(),
            echo: request.echo,
        }
    }
}

/// The choices of the response.
pub(crate) fn completion_choices(
    choices: Vec<WholeChoice>,
    shape: CompletionShape,
) -> Vec<CompletionChoice> {
    let one = |(index, whole): (usize, WholeChoice)| {
        let (mut text, mut prompt) = (String::new(), &[][..]);
        if shape.echo {
            text.push_str(&whole.prompt_text);
            prompt = &whole.prompt;
        }
        text.push_str(&whole.text);
        let mut choice = CompletionChoice::new(index, text);
        if shape.logprobs {
            let mut logprobs = ClassicLogprobs::default();
            logprobs.extend(prompt);
            logprobs.extend(&whole.tokens);
            choice.logprobs = Some(logprobs);
        }
        choice.prompt_logprobs = shape.prompt_logprobs.then(|| prompt_logprobs(&whole.prompt));
        choice.finish_reason = whole.reason.as_ref().map(finish_reason);
        choice
    };
    choices.into_iter().enumerate().map(one).collect()
}
