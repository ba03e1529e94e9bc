//! Requests of the wire become requests in text. Chance and time are passed in.

use engine::SamplingParams;
use llm_apps::reasoning::Opening;
use llm_apps::stage::generate::{ChatPrompt, Form, Prompt as TextPrompt, TextRequest};
use llm_apps::tool_calls::ToolSyntax;

use super::{
    ChatRequest, CompletionRequest, Conversation, Decoding, Prompt, TokenizeRequest, TokenizeText,
};
use crate::error::ApiError;

/// Tokens of a completion when neither request nor configuration say, as in OpenAI's API.
const COMPLETION_TOKENS: u32 = 16;

/// What a request does not bring itself.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings<'a> {
    /// What the model's configuration says of requests that are silent.
    pub(crate) defaults: &'a Defaults,
    /// The seed of requests without one.
    pub(crate) seed: u64,
    /// Seconds since 1970, for templates that show the date.
    pub(crate) now: u64,
}

/// What a request gets that does not say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Defaults {
    /// Sampling. Its `max_tokens`, seed, stops and log-probabilities are not read.
    pub params: SamplingParams,
    /// Tokens of an answer at most; `None` leaves what the API says: what fits the context for a
    /// chat, 16 for a completion.
    pub max_tokens: Option<u32>,
}

/// The one text request of a chat to a model that writes calls in `syntax`, and whose answer begins at
/// `opening`: what is asked of the answer's form applies behind its thought.
///
/// # Errors
/// Names the tool whose arguments cannot be held to its schema.
pub(crate) fn chat_text(
    request: ChatRequest,
    (syntax, opening): (ToolSyntax, Opening),
    around: &Surroundings<'_>,
) -> Result<TextRequest, ApiError> {
    // A template writes the special tokens itself.
    let add_special = request.decoding.add_special_tokens.unwrap_or(false);
    let prompt = chat_prompt(request.conversation, add_special, around.now);
    let mut text = text_request(prompt, &request.decoding, false, around);
    if let Some(tools) = &request.tools {
        let otherwise = text.form.as_ref().map(|form| &form.grammar);
        let grammar = tools.form(syntax, otherwise).map_err(|fault| {
            let message = fault.to_string();
            ApiError::invalid(fault.param, message)
        })?;
        text.form = grammar.map(|grammar| Form {
            grammar,
            param: tools.param.clone(),
        });
    }
    if let Some(form) = text.form.take() {
        let Form { grammar, param } = form;
        let grammar = opening
            .then(grammar)
            .map_err(|error| ApiError::invalid(error.param(&param), format!("{param}: {error}")))?;
        text.form = Some(Form { grammar, param });
    }
    Ok(text)
}

/// A text request for each prompt of a completion.
pub(crate) fn completion_texts(
    request: CompletionRequest,
    around: &Surroundings<'_>,
) -> Vec<TextRequest> {
    let decoding = &request.decoding;
    let add_special_tokens = decoding.add_special_tokens.unwrap_or(true);
    let prompts = request.prompts.into_iter().map(|prompt| match prompt {
        Prompt::Text(text) => TextPrompt::Text {
            text,
            add_special_tokens,
        },
        Prompt::Tokens(ids) => TextPrompt::Tokens(ids),
    });
    prompts
        .map(|prompt| {
            let text = text_request(prompt, decoding, request.echo, around);
            let max_tokens = text.max_tokens.or(Some(COMPLETION_TOKENS));
            TextRequest { max_tokens, ..text }
        })
        .collect()
}

/// What is to be tokenised.
pub(crate) fn tokenize_prompt(request: TokenizeRequest, around: &Surroundings<'_>) -> TextPrompt {
    match request.text {
        TokenizeText::Prompt(text) => TextPrompt::Text {
            text,
            add_special_tokens: request.add_special_tokens.unwrap_or(true),
        },
        TokenizeText::Messages(conversation) => {
            let add_special = request.add_special_tokens.unwrap_or(false);
            chat_prompt(conversation, add_special, around.now)
        }
    }
}

fn chat_prompt(conversation: Conversation, add_special: bool, now: u64) -> TextPrompt {
    let kwargs = conversation.template_kwargs;
    TextPrompt::Chat(Box::new(ChatPrompt {
        add_generation_prompt: conversation.add_generation_prompt,
        continue_final_message: conversation.continue_final_message,
        template_kwargs: (!kwargs.is_empty()).then_some(kwargs),
        documents: conversation.documents,
        tools: conversation.tools,
        add_special_tokens: add_special,
        now: i64::try_from(now).unwrap_or(i64::MAX),
        ..ChatPrompt::new(conversation.messages)
    }))
}

fn text_request(
    prompt: TextPrompt,
    decoding: &Decoding,
    echo: bool,
    around: &Surroundings<'_>,
) -> TextRequest {
    let defaults = around.defaults;
    let params = decoding.params(&defaults.params, around.seed);
    TextRequest {
        max_tokens: decoding.given.max_tokens.or(defaults.max_tokens),
        stop: decoding.stop.clone(),
        include_stop_str_in_output: decoding.include_stop,
        skip_special_tokens: decoding.skip_special_tokens,
        n: decoding.n,
        echo,
        form: decoding.form.clone(),
        ..TextRequest::new(prompt, params)
    }
}
