//! Answers that are wanted in one piece.

use llm_apps::stage::generate::{FinishReason, TextEvent, TextToken};

use super::answers::Answers;
use crate::error::ApiError;

/// One complete choice.
#[derive(Debug, Default)]
pub(crate) struct WholeChoice {
    /// The prompt's tokens, when they were asked for.
    pub(crate) prompt: Vec<TextToken>,
    /// The prompt's text, likewise.
    pub(crate) prompt_text: String,
    /// The answer.
    pub(crate) text: String,
    /// Where its pieces end, in bytes, and how many tokens wrote each.
    pub(crate) written: Vec<(usize, usize)>,
    /// Its tokens, when log-probabilities were asked for.
    pub(crate) tokens: Vec<TextToken>,
    /// Why it ended.
    pub(crate) reason: Option<FinishReason>,
}

/// Reads all choices to their ends.
///
/// # Errors
/// One of them failed, or the server had to stop.
pub(crate) async fn whole(answers: &mut Answers) -> Result<Vec<WholeChoice>, ApiError> {
    let choices = answers.tally().choices();
    let mut whole: Vec<_> = (0..choices).map(|_| WholeChoice::default()).collect();
    while let Some(event) = answers.next().await {
        let (choice, event) = event?;
        if let Some(choice) = whole.get_mut(choice) {
            choice.read(event);
        }
    }
    Ok(whole)
}

impl WholeChoice {
    fn read(&mut self, event: TextEvent) {
        match event {
            TextEvent::Prompt { text, tokens, .. } => {
                self.prompt_text = text;
                self.prompt = tokens;
            }
            TextEvent::Delta { text, tokens, .. } => {
                self.text.push_str(&text);
                self.written.push((self.text.len(), tokens.len()));
                let scored = tokens.into_iter().filter(|t| t.logprobs.is_some());
                self.tokens.extend(scored);
            }
            TextEvent::Finished { reason, .. } => self.reason = Some(reason),
            // An error of the whole request, which `next` returned as such.
            TextEvent::Failed { .. } => {}
        }
    }
}
