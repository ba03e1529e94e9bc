//! `/tokenize` and `/detokenize`, in vLLM's shapes.

use serde::{Deserialize, Serialize};

use super::chat_request::{Conversation, conversation, with_tools};
use super::judge::{Rules, judged};
use super::parse::{required, typed};
use super::tables::{DETOKENIZE, TOKENIZE};
use super::tools::tool_use;
use crate::error::ApiError;

/// What is to be tokenised.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenizeRequest {
    /// Id or alias of a model; where one only is served it may be left out.
    pub model: Option<String>,
    /// The text.
    pub text: TokenizeText,
    /// Whether the tokenizer adds its special tokens; `None` takes what is usual.
    pub add_special_tokens: Option<bool>,
    /// Whether each token's text is wanted too.
    pub return_token_strs: bool,
    /// Fields that no table knows.
    pub unknown_fields: usize,
}

/// A text as it stands, or one that a template renders.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenizeText {
    /// As it stands.
    Prompt(String),
    /// Rendered by the model's chat template.
    Messages(Conversation),
}

/// What is to be turned back into text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetokenizeRequest {
    /// Id or alias of a model; where one only is served it may be left out.
    pub model: Option<String>,
    /// Token ids, in any number.
    pub tokens: Vec<u32>,
    /// Fields that no table knows.
    pub unknown_fields: usize,
}

/// The answer of `/tokenize`.
#[derive(Debug, Serialize)]
pub(crate) struct Tokenized {
    pub(crate) count: usize,
    pub(crate) max_model_len: usize,
    pub(crate) tokens: Vec<u32>,
    pub(crate) token_strs: Option<Vec<String>>,
}

/// The answer of `/detokenize`.
#[derive(Debug, Serialize)]
pub(crate) struct Detokenized {
    pub(crate) prompt: String,
}

#[derive(Debug, Deserialize)]
struct Wire {
    model: Option<String>,
    prompt: Option<String>,
    add_special_tokens: Option<bool>,
    return_token_strs: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct DetokenizeWire {
    model: Option<String>,
    tokens: Option<Vec<u32>>,
}

/// Reads the body of `POST /tokenize`.
///
/// # Errors
/// [`ApiError::Invalid`] names the field at fault.
pub fn tokenize_request(body: &[u8], rules: Rules) -> Result<TokenizeRequest, ApiError> {
    let (request, unknown_fields) = judged(body, TOKENIZE, rules)?;
    let wire: Wire = typed(&request)?;
    let has_messages = request.get("messages").is_some_and(|m| !m.is_null());
    let text = match (wire.prompt, has_messages) {
        (Some(prompt), false) => TokenizeText::Prompt(prompt),
        (None, true) => {
            let tools = tool_use(&request)?;
            let conversation = conversation(&request)?;
            TokenizeText::Messages(with_tools(conversation, tools.as_ref()))
        }
        (Some(_), true) => {
            return Err(ApiError::invalid(
                "messages",
                "prompt and messages exclude each other",
            ));
        }
        (None, false) => {
            return Err(ApiError::invalid(
                "prompt",
                "one of `prompt` and `messages` is required",
            ));
        }
    };
    Ok(TokenizeRequest {
        model: wire.model,
        text,
        add_special_tokens: wire.add_special_tokens,
        return_token_strs: wire.return_token_strs.unwrap_or(false),
        unknown_fields,
    })
}

/// Reads the body of `POST /detokenize`.
///
/// # Errors
/// [`ApiError::Invalid`] names the field at fault.
pub fn detokenize_request(body: &[u8], rules: Rules) -> Result<DetokenizeRequest, ApiError> {
    let (request, unknown_fields) = judged(body, DETOKENIZE, rules)?;
    let wire: DetokenizeWire = typed(&request)?;
    Ok(DetokenizeRequest {
        model: wire.model,
        tokens: required(wire.tokens, "tokens")?,
        unknown_fields,
    })
}
