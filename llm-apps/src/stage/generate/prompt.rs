//! A prompt becomes token ids.

use engine::tokenizer::{
    ChatRequest, DecodeOptions, Detokenizer, EncodeOptions, TemplateError, Tokenizer,
};
use engine::{InvalidRequest, ModelLimits};
use serde_json::Value;

use super::error::GenerateError;
use super::model::Shared;
use super::request::{ChatPrompt, Prompt};
use crate::tool_calls::instructed;

/// A prompt as token ids.
#[derive(Debug)]
pub(super) struct Tokenized {
    pub(super) ids: Vec<u32>,
    /// The text it was, if it was one.
    pub(super) text: Option<String>,
}

/// A prompt as it is echoed.
#[derive(Debug)]
pub(super) struct EchoedPrompt {
    pub(super) text: String,
    /// Length of `text` in characters.
    pub(super) chars: usize,
    /// The prompt's tokens, and where in `text` each begins, in characters.
    pub(super) tokens: Vec<(u32, usize)>,
}

/// Renders and tokenizes. With `max_tokens`, a text that cannot have so few is refused by its length:
/// tokenizing it would take long and tell nothing new.
pub(super) fn tokenize(
    shared: &Shared,
    prompt: Prompt,
    max_tokens: Option<usize>,
) -> Result<Tokenized, GenerateError> {
    let prompt_param = prompt.param();
    let (text, add_special) = match prompt {
        Prompt::Tokens(ids) => return Ok(Tokenized { ids, text: None }),
        Prompt::Text {
            text,
            add_special_tokens,
        } => (text, add_special_tokens),
        Prompt::Chat(chat) => (render(shared, &chat)?, chat.add_special_tokens),
    };
    if let Some(max_model_len) = max_tokens {
        let max_bytes = shared.tokenizer.max_text_bytes(max_model_len);
        if text.len() > max_bytes {
            return Err(GenerateError::PromptTooLong {
                bytes: text.len(),
                max_bytes,
                max_model_len,
                prompt_param,
            });
        }
    }
    let options = EncodeOptions {
        add_special,
        parse_special: true,
    };
    let ids = shared.tokenizer.encode(&text, options)?;
    Ok(Tokenized {
        ids,
        text: Some(text),
    })
}

fn render(shared: &Shared, chat: &ChatPrompt) -> Result<String, GenerateError> {
    let template = shared
        .chat_template
        .as_ref()
        .ok_or(TemplateError::Missing)?;
    let tools = chat.tools.as_deref();
    let told =
        (!shared.takes_tools && (tools.is_some() || mentions_tools(&chat.messages))).then(|| {
            instructed(
                &chat.messages,
                tools.unwrap_or_default(),
                shared.takes_system,
            )
        });
    let request = ChatRequest {
        messages: told.as_ref().unwrap_or(&chat.messages),
        tools: tools.filter(|_| shared.takes_tools),
        documents: chat.documents.as_deref(),
        add_generation_prompt: chat.add_generation_prompt,
        continue_final_message: chat.continue_final_message,
        template: chat.template.as_deref(),
        kwargs: chat.template_kwargs.as_ref(),
        now: chat.now,
    };
    Ok(template.render(&request)?)
}

/// Whether calls or results stand in a conversation.
fn mentions_tools(messages: &[Value]) -> bool {
    let mentions = |message: &Value| {
        message.get("tool_calls").is_some()
            || message.get("role").and_then(Value::as_str) == Some("tool")
    };
    messages.iter().any(mentions)
}

/// Lays a prompt's tokens over its text.
///
/// A prompt that was a text is echoed as it was, whatever its tokens make of it. Tokens that the
/// tokenizer put around it have no place in it and no width.
pub(super) fn echoed(
    tokenizer: &Tokenizer,
    prompt: &Tokenized,
    skip_special: bool,
) -> EchoedPrompt {
    let given = prompt.text.as_deref();
    let options = DecodeOptions {
        // Special tokens that were spelled out in a text are part of it.
        skip_special: skip_special && given.is_none(),
        continues: false,
    };
    let around = given.filter(|_| prompt.ids.first().copied() == tokenizer.bos_id());
    let added_bos = around.is_some_and(|text| {
        let bos = tokenizer
            .bos_id()
            .map_or(&[][..], |id| tokenizer.token_bytes(id));
        !text.as_bytes().starts_with(bos)
    });
    let mut detokenizer = Detokenizer::new(tokenizer.clone(), options);
    let (mut text, mut chars, mut counted) = (String::new(), 0, 0);
    let mut tokens = Vec::with_capacity(prompt.ids.len());
    for (index, &id) in prompt.ids.iter().enumerate() {
        let mut start = text.len();
        if !(index == 0 && added_bos) {
            start += detokenizer.push(id, &mut text);
        }
        chars += text[counted..start].chars().count();
        counted = start;
        tokens.push((id, chars));
    }
    detokenizer.finish(&mut text);
    let text = given.map_or(text, str::to_owned);
    let chars = text.chars().count();
    for (_, offset) in &mut tokens {
        *offset = (*offset).min(chars);
    }
    EchoedPrompt {
        text,
        chars,
        tokens,
    }
}

/// Proves that ids are in the vocabulary.
pub(super) fn known(ids: &[u32], limits: &ModelLimits) -> Result<(), GenerateError> {
    let vocab_size = limits.vocab_size;
    match ids.iter().find(|&&id| id as usize >= vocab_size) {
        None => Ok(()),
        Some(&id) => Err(GenerateError::Invalid {
            error: InvalidRequest::UnknownToken {
                param: "tokens",
                id,
                vocab_size,
            },
            prompt_param: "tokens",
        }),
    }
}
