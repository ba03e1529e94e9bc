//! Text generation as a stage of an application.

use std::fmt;
use std::sync::Arc;

use engine::SamplingParams;
use futures::StreamExt;

use super::error::GenerateError;
use super::event::{FinishReason, TextEvent};
use super::model::TextModel;
use super::options::{GenerateInput, GenerateOptions};
use super::request::{ChatPrompt, Prompt, TextRequest};
use super::stream::TextStream;
use super::wishes::Wishes;
use crate::payload::{Answer, AnswerEvent, Completion, Payload, names};
use crate::stage::spent::Spent;
use crate::stage::{Call, Stage, StageError, TokenCount};

/// Has a model of this process answer. The answer goes on while it is made; dropping it cancels the
/// generation within one step of the engine.
#[derive(Debug)]
pub struct GenerateStage {
    options: GenerateOptions,
    model: TextModel,
    defaults: GenerateDefaults,
}

/// What a stage takes from outside where its options say nothing.
#[derive(Clone)]
pub struct GenerateDefaults {
    /// The parameters of requests that say none: the API's own, and over them the model's
    /// `sampling_defaults`.
    pub params: SamplingParams,
    /// The `max_tokens` of the model's `sampling_defaults`; `None` is what fits the context.
    pub max_tokens: Option<u32>,
    /// A seed for each request.
    pub seed: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Seconds since the beginning of 1970, which templates may show.
    pub unix_time: Arc<dyn Fn() -> i64 + Send + Sync>,
}

impl GenerateStage {
    /// Whether it takes an answer that is still being made.
    pub const TAKES_STREAM: bool = false;

    /// A stage that asks `model`, which is the one that the options name.
    ///
    /// # Errors
    /// [`StageError::Failed`] when it is to be asked by messages and has no chat template.
    pub fn new(
        options: GenerateOptions,
        model: TextModel,
        defaults: GenerateDefaults,
    ) -> Result<Self, StageError> {
        if matches!(options.input, GenerateInput::Messages(_)) && !model.takes_messages() {
            return Err(StageError::failed(format!(
                "the model `{}` has no chat template and cannot be asked by messages; have a `prompt` \
                 stage write a text (`as: text`)",
                model.info().id
            )));
        }
        Ok(Self {
            options,
            model,
            defaults,
        })
    }

    pub(super) fn request(&self, payload: &Payload) -> Result<TextRequest, StageError> {
        let prompt = match &self.options.input {
            GenerateInput::Messages(name) => Prompt::Chat(Box::new(ChatPrompt {
                now: (self.defaults.unix_time)(),
                ..ChatPrompt::new(payload.read(name)?)
            })),
            GenerateInput::Prompt(name) => Prompt::text(payload.text(name)?),
        };
        let mut params = self.options.params(&self.defaults.params);
        if self.options.seed.is_none() {
            params.seed = (self.defaults.seed)();
        }
        let mut request = TextRequest {
            max_tokens: self.options.max_tokens.or(self.defaults.max_tokens),
            stop: self.options.stop.clone(),
            ..TextRequest::new(prompt, params)
        };
        if self.options.output == names::ANSWER {
            Wishes::of(payload)?.apply(&mut request);
        }
        Ok(request)
    }
}

impl Stage for GenerateStage {
    type Input = Payload;
    type Output = Payload;

    async fn call(&self, mut payload: Payload, call: &Call) -> Result<Payload, StageError> {
        let prepared = self.model.prepare(self.request(&payload)?).await?;
        let stream = self.model.submit(&prepared)?;
        let spent = Spent::new(call, prepared.prompt_tokens());
        let answer = answer(stream, spent);
        if self.options.output == names::ANSWER {
            payload.set_answer(answer);
        } else {
            payload.set(&self.options.output, answer.text().await?);
        }
        Ok(payload)
    }
}

/// The events of the only choice.
fn answer(stream: TextStream, mut spent: Spent) -> Answer {
    Answer::new(stream.filter_map(move |event| {
        let event = match event {
            TextEvent::Prompt { .. } => None,
            TextEvent::Delta { text, tokens, .. } => {
                spent.saw(tokens.len());
                (!text.is_empty()).then_some(Ok(AnswerEvent::Text(text)))
            }
            TextEvent::Finished { reason, usage, .. } => {
                spent.settle(TokenCount {
                    prompt: usage.prompt_tokens.into(),
                    cached: usage.cached_tokens.into(),
                    completion: usage.completion_tokens.into(),
                });
                let completion = match reason {
                    FinishReason::Stop { .. } => Completion::Stop,
                    FinishReason::Length => Completion::Length,
                };
                Some(Ok(AnswerEvent::Finished(completion)))
            }
            TextEvent::Failed { error, .. } => {
                Some(Err(StageError::from(GenerateError::from(error))))
            }
        };
        std::future::ready(event)
    }))
}

impl fmt::Debug for GenerateDefaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenerateDefaults")
            .field("params", &self.params)
            .field("max_tokens", &self.max_tokens)
            .finish_non_exhaustive()
    }
}
