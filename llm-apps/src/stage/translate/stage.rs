//! The stage.

use std::sync::Arc;

use engine::EncodeError;

use super::model::TextTranslator;
use super::options::TranslateOptions;
use crate::payload::Payload;
use crate::stage::{Call, Stage, StageError, TokenCount};

/// Writes a translation into the payload.
#[derive(Debug)]
pub struct TranslateStage {
    options: TranslateOptions,
    translator: Arc<dyn TextTranslator>,
}

impl TranslateStage {
    /// Whether it takes an answer that is still being made.
    pub const TAKES_STREAM: bool = false;

    /// A stage that asks `translator`.
    pub fn new(options: TranslateOptions, translator: Arc<dyn TextTranslator>) -> Self {
        Self {
            options,
            translator,
        }
    }

    /// A text that is too long is the request's fault, and names the variable.
    fn error(&self, error: EncodeError) -> StageError {
        match error {
            EncodeError::TooManyTokens { .. } | EncodeError::TooLong { .. } => {
                StageError::Invalid {
                    message: format!("`{}` cannot be translated: {error}", self.options.input),
                    param: Some(self.options.input.clone()),
                }
            }
            error @ (EncodeError::UnknownToken { .. }
            | EncodeError::Failed(_)
            | EncodeError::ShuttingDown) => error.into(),
        }
    }
}

impl Stage for TranslateStage {
    type Input = Payload;
    type Output = Payload;

    async fn call(&self, mut payload: Payload, call: &Call) -> Result<Payload, StageError> {
        let options = &self.options;
        let text = format!("{}{}", options.prefix, payload.text(&options.input)?);
        let written = self.translator.translate(text, options.max_tokens).await;
        let written = written.map_err(|error| self.error(error))?;
        if !written.complete {
            let limit = options.max_tokens;
            tracing::warn!(
                request_id = call.request_id(),
                limit,
                "a translation was cut at `max_tokens`"
            );
        }
        call.count_tokens(TokenCount {
            prompt: written.read_tokens as u64,
            cached: 0,
            completion: written.written_tokens as u64,
        });
        payload.set(&options.output, written.text);
        Ok(payload)
    }
}
