//! Going on with an answer that was begun by another engine of the same model.

use std::sync::Arc;

use super::{GenerateRequest, InvalidRequest, ModelLimits, known_tokens};

impl GenerateRequest {
    /// The same, whose answer begins with `said`: the tokens that another engine of this model said in
    /// answer to this request, in order. What follows is what would have followed there: tokens,
    /// log-probabilities, end and usage, since all of it depends on the request and the tokens so far
    /// only. `cached_tokens` is what came with those tokens.
    ///
    /// The tokens that were said are computed like a prompt and are not said again; nor are the prompt's
    /// log-probabilities, which come before the first token. Where they already end the answer, only
    /// the end is said. Without any, the request is as it was.
    ///
    /// # Errors
    /// [`InvalidRequest`] when they cannot be the beginning of this answer.
    pub fn resuming(
        mut self,
        said: Arc<[u32]>,
        cached_tokens: u32,
        limits: &ModelLimits,
    ) -> Result<Self, InvalidRequest> {
        known_tokens("said", said.iter().copied(), limits)?;
        let max_tokens = self.params().max_tokens;
        if said.len() > max_tokens as usize {
            return Err(InvalidRequest::OutOfRange {
                param: "said",
                expected: format!("at most max_tokens, {max_tokens}, tokens"),
                value: said.len().to_string(),
            });
        }
        self.said = said;
        self.said_cached = cached_tokens;
        Ok(self)
    }

    /// Tokens of the answer that were said before it came here; mostly none.
    pub fn said(&self) -> &[u32] {
        &self.said
    }

    /// Whether the answer was begun elsewhere.
    pub(crate) fn resumes(&self) -> bool {
        !self.said.is_empty()
    }

    /// Tokens of the prompt that the prefix cache had where the answer was begun.
    pub(crate) fn said_cached(&self) -> Option<u32> {
        self.resumes().then_some(self.said_cached)
    }
}
