//! What is rendered, with what, and at what cost.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Chat templates as text, and the tokens that they may write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChatTemplateSource {
    /// The template.
    pub template: Option<String>,
    /// Further templates by name. `default` is taken when there is no other template; `tool_use`, when
    /// a conversation has tools and no name is given.
    pub named: BTreeMap<String, String>,
    /// Texts of the special tokens by the names under which templates see them, such as `bos_token`.
    pub tokens: BTreeMap<String, String>,
}

/// A conversation and how it is rendered.
#[derive(Debug, Clone, Copy)]
pub struct ChatRequest<'a> {
    /// The messages, as OpenAI's API has them: objects with a `role`, and a `content` that is a string
    /// or a list of parts.
    pub messages: &'a [Value],
    /// Tools that the model may call.
    pub tools: Option<&'a [Value]>,
    /// Documents for templates that take some.
    pub documents: Option<&'a [Value]>,
    /// Whether the beginning of the assistant's answer is written at the end.
    pub add_generation_prompt: bool,
    /// Whether the last message is left open, so that the model goes on with it.
    pub continue_final_message: bool,
    /// The name of a template; `None` takes the model's usual one.
    pub template: Option<&'a str>,
    /// Further variables. They go before the tokens' names.
    pub kwargs: Option<&'a Map<String, Value>>,
    /// The wall-clock time that templates show, in seconds since the beginning of 1970. For local
    /// time, add the zone's offset.
    pub now: i64,
}

/// Bounds on what rendering may cost.
///
/// They bound the instructions and the prompt. A string that a template doubles in a variable again
/// and again is bounded by neither: run only templates of models that you trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderLimits {
    /// Instructions of the template; a message takes some hundred.
    pub fuel: u64,
    /// Bytes of the prompt.
    pub output_bytes: usize,
}

impl Default for RenderLimits {
    fn default() -> Self {
        Self {
            fuel: 10_000_000,
            output_bytes: 32 << 20,
        }
    }
}

impl<'a> ChatRequest<'a> {
    /// The conversation, to be answered by the assistant.
    pub fn new(messages: &'a [Value]) -> Self {
        Self {
            messages,
            tools: None,
            documents: None,
            add_generation_prompt: true,
            continue_final_message: false,
            template: None,
            kwargs: None,
            now: 0,
        }
    }
}
