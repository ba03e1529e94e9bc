//! What a provider is sent.

use serde::Serialize;
use serde_json::Value;

use super::options::{MaxTokensField, UpstreamOptions};
use crate::payload::{Payload, names};
use crate::stage::StageError;
use crate::stage::generate::{GenerateInput, GenerateOptions, Wishes};

/// The body of a request. What nobody set is left to the provider. `top_k`, `min_p` and
/// `repetition_penalty` are no fields of OpenAI's API; those who know them call them so, and others
/// answer that they do not.
#[derive(Debug, Clone, Serialize)]
pub(super) struct UpstreamRequest {
    model: String,
    #[serde(flatten)]
    pub(super) input: Input,
    stream: bool,
    stream_options: StreamOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_p: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repetition_penalty: Option<f32>,
}

/// What is answered, which also decides the endpoint.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Input {
    /// `/chat/completions`.
    Messages(Vec<Value>),
    /// `/completions`.
    Prompt(String),
}

#[derive(Debug, Clone, Serialize)]
struct StreamOptions {
    include_usage: bool,
}

impl UpstreamRequest {
    /// What `stage` asks of `upstream` for a payload, with what its client wished.
    ///
    /// # Errors
    /// When a variable is missing or holds something else.
    pub(super) fn new(
        upstream: &UpstreamOptions,
        stage: &GenerateOptions,
        payload: &Payload,
    ) -> Result<Self, StageError> {
        let input = match &stage.input {
            GenerateInput::Messages(name) => Input::Messages(payload.read(name)?),
            GenerateInput::Prompt(name) => Input::Prompt(payload.text(name)?.to_owned()),
        };
        let asked = if stage.output == names::ANSWER {
            Wishes::of(payload)?.over(stage)
        } else {
            stage.clone()
        };
        let limit = |field| {
            asked
                .max_tokens
                .filter(|_| upstream.max_tokens_field == field)
        };
        Ok(Self {
            model: upstream.model.clone(),
            input,
            stream: true,
            stream_options: StreamOptions {
                include_usage: true,
            },
            max_tokens: limit(MaxTokensField::MaxTokens),
            max_completion_tokens: limit(MaxTokensField::MaxCompletionTokens),
            stop: asked.stop,
            seed: asked.seed,
            temperature: asked.temperature,
            top_p: asked.top_p,
            presence_penalty: asked.presence_penalty,
            frequency_penalty: asked.frequency_penalty,
            top_k: asked.top_k,
            min_p: asked.min_p,
            repetition_penalty: asked.repetition_penalty,
        })
    }
}
