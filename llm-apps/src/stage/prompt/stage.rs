//! The stage.

use std::fmt;
use std::sync::Arc;

use super::budget::Draft;
use super::counter::TokenCounter;
use super::options::PromptOptions;
use crate::payload::Payload;
use crate::stage::{Call, Stage, StageError};

/// Writes a prompt into the payload.
pub struct PromptStage {
    options: PromptOptions,
    counter: Option<Arc<dyn TokenCounter>>,
}

impl PromptStage {
    /// Whether it takes an answer that is still being made.
    pub const TAKES_STREAM: bool = false;

    /// A stage that counts tokens with `counter`, which must be there where the options have a budget.
    ///
    /// # Errors
    /// [`StageError::Failed`] when there is a budget and nobody who counts.
    pub fn new(
        options: PromptOptions,
        counter: Option<Arc<dyn TokenCounter>>,
    ) -> Result<Self, StageError> {
        if options.budget.is_some() && counter.is_none() {
            let reason = "a prompt with `max_tokens` needs a model that counts them";
            return Err(StageError::failed(reason));
        }
        Ok(Self { options, counter })
    }
}

impl Stage for PromptStage {
    type Input = Payload;
    type Output = Payload;

    async fn call(&self, mut payload: Payload, _: &Call) -> Result<Payload, StageError> {
        let written = {
            let draft = Draft::new(&self.options, &payload)?;
            match (&self.options.budget, &self.counter) {
                (Some(budget), Some(counter)) => {
                    draft.within(budget.max_tokens, counter.as_ref()).await?
                }
                _ => draft.whole()?,
            }
        };
        payload.set(&self.options.output, written.prompt);
        if let Some(passages) = written.passages {
            payload.set(&self.options.passages, passages);
        }
        Ok(payload)
    }
}

impl fmt::Debug for PromptStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PromptStage")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
