//! What is asked of a model, in text.

use engine::SamplingParams;
use engine::constraint::{Grammar, GrammarError};
use serde_json::{Map, Value};

use super::error::GenerateError;

/// Most answers to one prompt.
pub const MAX_CHOICES: u32 = 128;

/// One prompt, and how it is to be answered. Plain data; `TextModel::prepare` proves it.
#[derive(Debug, Clone)]
pub struct TextRequest {
    /// What is answered.
    pub prompt: Prompt,
    /// How tokens are chosen. Its `max_tokens` is not read: the field below takes its place.
    pub params: SamplingParams,
    /// Tokens to generate at most; `None` is what fits the context.
    pub max_tokens: Option<u32>,
    /// Texts that end the answer. They are looked for behind the first `min_tokens` tokens.
    pub stop: Vec<String>,
    /// Whether the stop string or stop token that ended the answer is part of the text.
    pub include_stop_str_in_output: bool,
    /// Whether special tokens have no text.
    pub skip_special_tokens: bool,
    /// Answers to the prompt, from 1 to [`MAX_CHOICES`]. They differ by their draws.
    pub n: u32,
    /// Whether each answer begins with the prompt. With `params.logprobs`, the prompt's tokens are
    /// scored as well.
    pub echo: bool,
    /// The form of every answer; `None` leaves it to the model.
    pub form: Option<Form>,
    /// Texts of which each is one token behind the prompt. With `params.logprobs`, their tokens are the
    /// alternatives, in this order.
    pub labels: Vec<String>,
}

/// What form an answer has, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The form.
    pub grammar: Grammar,
    /// The field that asks for it, as OpenAI's API spells it.
    pub param: String,
}

/// What a model is to go on with.
#[derive(Debug, Clone)]
pub enum Prompt {
    /// A conversation, rendered by the model's chat template.
    Chat(Box<ChatPrompt>),
    /// A text.
    Text {
        /// The text. Special tokens in it, spelled out, are special tokens.
        text: String,
        /// Whether the model's own beginning and end tokens are put around it.
        add_special_tokens: bool,
    },
    /// Token ids, taken as they are.
    Tokens(Vec<u32>),
}

/// A conversation and how it is rendered.
#[derive(Debug, Clone)]
pub struct ChatPrompt {
    /// The messages as OpenAI's API has them.
    pub messages: Vec<Value>,
    /// Tools that the model may call.
    pub tools: Option<Vec<Value>>,
    /// Documents for templates that take some.
    pub documents: Option<Vec<Value>>,
    /// Whether the beginning of the assistant's answer is written at the end.
    pub add_generation_prompt: bool,
    /// Whether the last message is left open, so that the model goes on with it.
    pub continue_final_message: bool,
    /// The name of one of the model's templates; `None` takes its usual one.
    pub template: Option<String>,
    /// Further variables for the template.
    pub template_kwargs: Option<Map<String, Value>>,
    /// Whether the model's own beginning and end tokens are put around the rendered text. Templates
    /// mostly write them themselves.
    pub add_special_tokens: bool,
    /// The wall-clock time that templates show, in seconds since the beginning of 1970.
    pub now: i64,
}

impl TextRequest {
    /// One answer to `prompt`, nothing special.
    pub fn new(prompt: Prompt, params: SamplingParams) -> Self {
        Self {
            prompt,
            params,
            max_tokens: None,
            stop: Vec::new(),
            include_stop_str_in_output: false,
            skip_special_tokens: true,
            n: 1,
            echo: false,
            form: None,
            labels: Vec::new(),
        }
    }
}

impl Form {
    /// What is wrong with it, and in which field.
    pub(super) fn refused(&self, error: GrammarError) -> GenerateError {
        GenerateError::Form {
            param: error.param(&self.param),
            error,
        }
    }
}

impl Prompt {
    /// A text, with the model's own beginning and end tokens.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text {
            text: text.into(),
            add_special_tokens: true,
        }
    }

    /// A conversation, to be answered by the assistant.
    pub fn chat(messages: Vec<Value>) -> Self {
        Self::Chat(Box::new(ChatPrompt::new(messages)))
    }

    /// The field of OpenAI's API that holds it.
    pub(super) fn param(&self) -> &'static str {
        match self {
            Self::Chat(_) => "messages",
            Self::Text { .. } | Self::Tokens(_) => "prompt",
        }
    }
}

impl ChatPrompt {
    /// A conversation, to be answered by the assistant.
    pub fn new(messages: Vec<Value>) -> Self {
        Self {
            messages,
            tools: None,
            documents: None,
            add_generation_prompt: true,
            continue_final_message: false,
            template: None,
            template_kwargs: None,
            add_special_tokens: false,
            now: 0,
        }
    }
}
