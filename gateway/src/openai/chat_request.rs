//! A request for a chat completion, from bytes to a value that holds what will be done.

use llm_apps::reasoning::{Opening, ReasoningSyntax};
use llm_apps::tool_calls::ToolUse;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::decoding::{Decoding, decoding};
use super::judge::{Rules, judged};
use super::message::{Message, for_template};
use super::object::AsObject;
use super::parse::{required, typed};
use super::streaming::{StreamOptions, streaming};
use super::tables::CHAT;
use super::tools::tool_use;
use crate::error::ApiError;

/// What a client wants of a chat.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// Id or alias of a model.
    pub model: String,
    /// The conversation.
    pub conversation: Conversation,
    /// How to generate.
    pub decoding: Decoding,
    /// Whether what the model thought is part of the answer.
    pub include_reasoning: bool,
    /// Tools that may or must be called.
    pub tools: Option<ToolUse>,
    /// `None` wants the answer in one piece.
    pub stream: Option<StreamOptions>,
    /// Fields that no table knows.
    pub unknown_fields: usize,
}

/// Messages and how the template renders them.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// Messages as templates read them, at least one.
    pub messages: Vec<Value>,
    /// Whether the rendered text ends with the opening of an assistant's turn.
    pub add_generation_prompt: bool,
    /// Whether the last message is left open, to be continued.
    pub continue_final_message: bool,
    /// More variables for the template.
    pub template_kwargs: Map<String, Value>,
    /// Documents for templates that take some.
    pub documents: Option<Vec<Value>>,
    /// Tools as templates read them.
    pub tools: Option<Vec<Value>>,
}

#[derive(Debug, Deserialize)]
struct Wire {
    model: Option<String>,
    max_completion_tokens: Option<u32>,
    logprobs: Option<bool>,
    top_logprobs: Option<u32>,
    reasoning_effort: Option<String>,
    include_reasoning: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct WireConversation {
    messages: Option<Vec<AsObject<Message>>>,
    add_generation_prompt: Option<bool>,
    continue_final_message: Option<bool>,
    chat_template_kwargs: Option<Map<String, Value>>,
    documents: Option<Vec<Value>>,
}

impl ChatRequest {
    /// Where the answer of a model begins that thinks so.
    pub(crate) fn opening(&self, syntax: ReasoningSyntax) -> Opening {
        if self.conversation.continue_final_message {
            return Opening::Behind;
        }
        syntax.opening(&self.conversation.template_kwargs)
    }
}

/// Reads the body of `POST /v1/chat/completions`.
///
/// # Errors
/// [`ApiError::Invalid`] names the field at fault.
pub fn chat_request(body: &[u8], rules: Rules) -> Result<ChatRequest, ApiError> {
    let (request, unknown_fields) = judged(body, CHAT, rules)?;
    let wire: Wire = typed(&request)?;
    let model = required(wire.model, "model")?;
    let tools = tool_use(&request)?;
    let conversation = with_tools(conversation(&request)?, tools.as_ref());
    let conversation = with_effort(conversation, wire.reasoning_effort)?;
    let stream = streaming(&request)?;
    let mut decoding = decoding(&request, rules.max_choices)?;
    let given = &mut decoding.given;
    given.max_tokens = max_tokens(given.max_tokens, wire.max_completion_tokens)?;
    decoding.logprobs = logprobs(wire.logprobs, wire.top_logprobs)?;
    if let (Some(tools), Some(form)) = (&tools, &decoding.form)
        && tools.must_call()
    {
        let message = format!(
            "tool_choice asks for a call and {} for a form of the answer; leave one out",
            form.param
        );
        return Err(ApiError::invalid("tool_choice", message));
    }
    if stream.is_some() && decoding.given.prompt_logprobs.is_some() {
        return Err(prompt_logprobs_in_stream());
    }
    Ok(ChatRequest {
        model,
        conversation,
        decoding,
        include_reasoning: wire.include_reasoning.unwrap_or(true),
        tools,
        stream,
        unknown_fields,
    })
}

/// How much a model thinks is told to its template; what the request tells it by itself goes first.
fn with_effort(
    mut conversation: Conversation,
    effort: Option<String>,
) -> Result<Conversation, ApiError> {
    const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
    let Some(effort) = effort else {
        return Ok(conversation);
    };
    if !EFFORTS.contains(&effort.as_str()) {
        let effort: String = effort.chars().take(40).collect();
        let message = format!(
            "reasoning_effort must be one of {}, but is {effort:?}",
            EFFORTS.join(", ")
        );
        return Err(ApiError::invalid("reasoning_effort", message));
    }
    let kwargs = &mut conversation.template_kwargs;
    if effort == "none" {
        kwargs
            .entry("enable_thinking")
            .or_insert(Value::Bool(false));
    }
    kwargs
        .entry("reasoning_effort")
        .or_insert(Value::String(effort));
    Ok(conversation)
}

/// A conversation whose template is told of the tools.
pub(super) fn with_tools(conversation: Conversation, tools: Option<&ToolUse>) -> Conversation {
    let told = |tools: &ToolUse| tools.tools.iter().map(|tool| tool.told.clone()).collect();
    Conversation {
        tools: tools.map(told),
        ..conversation
    }
}

/// Reads the fields that make a conversation; `/tokenize` takes them too.
///
/// # Errors
/// Names the field at fault.
pub(super) fn conversation(request: &Value) -> Result<Conversation, ApiError> {
    let wire: WireConversation = typed(request)?;
    let messages = for_template(required(wire.messages, "messages")?)?;
    let continue_final_message = wire.continue_final_message.unwrap_or(false);
    let add_generation_prompt = match wire.add_generation_prompt {
        Some(true) if continue_final_message => {
            return Err(ApiError::invalid(
                "continue_final_message",
                "continue_final_message and add_generation_prompt cannot both be true",
            ));
        }
        // A message that is to be continued is not followed by the opening of another.
        given => given.unwrap_or(!continue_final_message),
    };
    Ok(Conversation {
        messages,
        add_generation_prompt,
        continue_final_message,
        template_kwargs: wire.chat_template_kwargs.unwrap_or_default(),
        documents: wire.documents,
        tools: None,
    })
}

/// The prompt's log-probabilities have no place in a chunk.
pub(super) fn prompt_logprobs_in_stream() -> ApiError {
    ApiError::invalid(
        "prompt_logprobs",
        "prompt_logprobs is not available in a stream; set stream to false",
    )
}

/// Two names for one limit.
fn max_tokens(old: Option<u32>, new: Option<u32>) -> Result<Option<u32>, ApiError> {
    match (old, new) {
        (Some(old), Some(new)) if old != new => Err(ApiError::invalid(
            "max_tokens",
            format!("max_tokens is {old} and max_completion_tokens is {new}; set one of them"),
        )),
        (old, new) => Ok(new.or(old)),
    }
}

fn logprobs(wanted: Option<bool>, top: Option<u32>) -> Result<Option<u32>, ApiError> {
    match (wanted.unwrap_or(false), top) {
        (true, top) => Ok(Some(top.unwrap_or(0))),
        (false, None | Some(0)) => Ok(None),
        (false, Some(_)) => Err(ApiError::invalid(
            "top_logprobs",
            "top_logprobs needs logprobs to be true",
        )),
    }
}
