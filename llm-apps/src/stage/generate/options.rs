//! How a stage asks its model.

use engine::SamplingParams;

use crate::payload::{Kind, Signature, names};

/// What a `generate` stage asks for. `None` leaves what the model's own defaults say.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateOptions {
    /// The name or an alias of the model.
    pub model: String,
    /// What it answers. Default: the variable `messages`.
    pub input: GenerateInput,
    /// The variable that is written. Default: `answer`, which goes on as a stream; any other is
    /// complete when the stage is done.
    pub output: String,
    /// Tokens of the answer at most. Default: the model's `sampling_defaults`, or what fits its context.
    pub max_tokens: Option<u32>,
    /// Texts that end the answer and are no part of it. Default: none.
    pub stop: Vec<String>,
    /// Makes answers repeatable. Default: another for each request.
    pub seed: Option<u64>,
    /// From 0 to 2.
    pub temperature: Option<f32>,
    /// Above 0, at most 1.
    pub top_p: Option<f32>,
    /// 0 keeps all tokens.
    pub top_k: Option<u32>,
    /// From 0 to 1.
    pub min_p: Option<f32>,
    /// Above 0, at most 10.
    pub repetition_penalty: Option<f32>,
    /// From -2 to 2.
    pub presence_penalty: Option<f32>,
    /// From -2 to 2.
    pub frequency_penalty: Option<f32>,
}

/// What a `generate` stage answers: a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GenerateInput {
    /// A conversation, written by the model's chat template.
    Messages(String),
    /// A text that the model goes on with.
    Prompt(String),
}

impl GenerateOptions {
    /// A model asked for nothing special.
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            input: GenerateInput::default(),
            output: names::ANSWER.to_owned(),
            max_tokens: None,
            stop: Vec::new(),
            seed: None,
            temperature: None,
            top_p: None,
            top_k: None,
            min_p: None,
            repetition_penalty: None,
            presence_penalty: None,
            frequency_penalty: None,
        }
    }

    /// The variables that it reads and writes.
    pub fn signature(&self) -> Signature {
        let signature = match &self.input {
            GenerateInput::Messages(name) => Signature::default().reads(name, Kind::Messages),
            GenerateInput::Prompt(name) => Signature::default().reads(name, Kind::Text),
        };
        signature.writes(&self.output, Kind::Text)
    }

    /// `defaults`, and over them what is said here.
    pub fn params(&self, defaults: &SamplingParams) -> SamplingParams {
        SamplingParams {
            seed: self.seed.unwrap_or(defaults.seed),
            temperature: self.temperature.unwrap_or(defaults.temperature),
            top_p: self.top_p.unwrap_or(defaults.top_p),
            top_k: self.top_k.unwrap_or(defaults.top_k),
            min_p: self.min_p.unwrap_or(defaults.min_p),
            repetition_penalty: self
                .repetition_penalty
                .unwrap_or(defaults.repetition_penalty),
            presence_penalty: self.presence_penalty.unwrap_or(defaults.presence_penalty),
            frequency_penalty: self.frequency_penalty.unwrap_or(defaults.frequency_penalty),
            ..defaults.clone()
        }
    }
}

impl GenerateInput {
    /// The variable's name.
    pub fn variable(&self) -> &str {
        let (Self::Messages(name) | Self::Prompt(name)) = self;
        name
    }
}

impl Default for GenerateInput {
    fn default() -> Self {
        Self::Messages(names::MESSAGES.to_owned())
    }
}
