//! Chat completions on their way out, in one piece and in chunks.

use serde::Serialize;
use serde_json::Value;

use super::head::{Head, SYSTEM_FINGERPRINT};
use super::logprobs::{ChatLogprobs, PromptLogprobs};
use super::usage::{ChunkUsage, Usage};

/// The answer in one piece.
#[derive(Debug, Serialize)]
pub(crate) struct ChatCompletion {
    id: String,
    object: &'static str,
    created: u64,
    model: String,
    choices: Vec<ChatChoice>,
    usage: Usage,
    system_fingerprint: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prompt_logprobs: Option<PromptLogprobs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    penstock: Option<Extras>,
}

/// What an application says beside its answer.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Extras {
    /// The passages that the answer was made from.
    sources: Value,
}

impl Extras {
    /// Nothing where nothing was looked up.
    pub(crate) fn of(sources: Value) -> Option<Self> {
        (!sources.is_null()).then_some(Self { sources })
    }
}

/// One of its choices.
#[derive(Debug, Serialize)]
pub(crate) struct ChatChoice {
    index: usize,
    message: AssistantMessage,
    logprobs: Option<ChatLogprobs>,
    finish_reason: &'static str,
}

/// What the assistant says.
#[derive(Debug, Serialize)]
pub(crate) struct AssistantMessage {
    role: &'static str,
    /// `null` where there are calls and nothing else.
    content: Option<String>,
    refusal: Option<()>,
    /// What the model thought before.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall>,
}

/// A call of a tool.
#[derive(Debug, Serialize)]
pub(crate) struct ToolCall {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function,
}

#[derive(Debug, Serialize)]
struct Function {
    name: String,
    arguments: String,
}

/// One chunk of a streamed answer.
#[derive(Debug, Serialize)]
pub(crate) struct ChatChunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    system_fingerprint: &'static str,
    choices: &'a [ChunkChoice<'a>],
    #[serde(skip_serializing_if = "ChunkUsage::is_absent")]
    usage: ChunkUsage,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) penstock: Option<&'a Extras>,
}

/// The choice that a chunk is about.
#[derive(Debug, Serialize)]
pub(crate) struct ChunkChoice<'a> {
    index: usize,
    delta: ChatDelta<'a>,
    pub(crate) logprobs: Option<ChatLogprobs>,
    pub(crate) finish_reason: Option<&'static str>,
}

/// What a chunk adds to a choice.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ChatDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    /// `null`, in the opening only.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[ToolCallDelta<'a>; 1]>,
}

/// What a chunk adds to a call: its head first, then its arguments.
#[derive(Debug, Default, Serialize)]
struct ToolCallDelta<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: FunctionDelta<'a>,
}

#[derive(Debug, Default, Serialize)]
struct FunctionDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

impl ChatCompletion {
    pub(crate) fn new(head: Head, choices: Vec<ChatChoice>, usage: Usage) -> Self {
        Self {
            id: head.id,
            object: "chat.completion",
            created: head.created,
            model: head.model,
            choices,
            usage,
            system_fingerprint: SYSTEM_FINGERPRINT,
            prompt_logprobs: None,
            penstock: None,
        }
    }

    /// With the passages that an application made it from.
    #[must_use]
    pub(crate) fn with_sources(mut self, sources: Value) -> Self {
        self.penstock = Extras::of(sources);
        self
    }
}

impl ChatChoice {
    pub(crate) fn new(
        index: usize,
        message: AssistantMessage,
        logprobs: Option<ChatLogprobs>,
        finish_reason: &'static str,
    ) -> Self {
        Self {
            index,
            message,
            logprobs,
            finish_reason,
        }
    }
}

impl AssistantMessage {
    pub(crate) fn new(reasoning: String, content: String, tool_calls: Vec<ToolCall>) -> Self {
        let said = tool_calls.is_empty() || !content.is_empty();
        Self {
            role: "assistant",
            content: said.then_some(content),
            refusal: None,
            reasoning_content: (!reasoning.is_empty()).then_some(reasoning),
            tool_calls,
        }
    }
}

impl ToolCall {
    /// Without arguments as yet.
    pub(crate) fn new(id: String, name: String) -> Self {
        let arguments = String::new();
        Self {
            id,
            kind: "function",
            function: Function { name, arguments },
        }
    }

    /// Its arguments go on.
    pub(crate) fn argue(&mut self, more: &str) {
        self.function.arguments.push_str(more);
    }
}

impl<'a> ChatChunk<'a> {
    pub(crate) fn new(head: &'a Head, choices: &'a [ChunkChoice<'a>], usage: ChunkUsage) -> Self {
        Self {
            id: &head.id,
            object: "chat.completion.chunk",
            created: head.created,
            model: &head.model,
            system_fingerprint: SYSTEM_FINGERPRINT,
            choices,
            usage,
            penstock: None,
        }
    }
}

impl<'a> ChunkChoice<'a> {
    /// A piece of a choice, without more.
    pub(crate) fn new(index: usize, delta: ChatDelta<'a>) -> Self {
        Self {
            index,
            delta,
            logprobs: None,
            finish_reason: None,
        }
    }
}

impl<'a> ChatDelta<'a> {
    /// The opening of a choice.
    pub(crate) fn role() -> Self {
        Self {
            role: Some("assistant"),
            content: Some(""),
            refusal: Some(()),
            reasoning_content: None,
            tool_calls: None,
        }
    }

    /// A call begins.
    pub(crate) fn call(index: usize, id: &'a str, name: &'a str) -> Self {
        let (name, arguments) = (Some(name), "");
        Self::of_call(ToolCallDelta {
            index,
            id: Some(id),
            kind: Some("function"),
            function: FunctionDelta { name, arguments },
        })
    }

    /// A call's arguments go on.
    pub(crate) fn arguments(index: usize, arguments: &'a str) -> Self {
        let name = None;
        Self::of_call(ToolCallDelta {
            index,
            function: FunctionDelta { name, arguments },
            ..ToolCallDelta::default()
        })
    }

    fn of_call(call: ToolCallDelta<'a>) -> Self {
        Self {
            tool_calls: Some([call]),
            ..Self::default()
        }
    }

    /// More of a thought.
    pub(crate) fn reasoning(thought: &'a str) -> Self {
        Self {
            reasoning_content: Some(thought),
            ..Self::default()
        }
    }

    /// More text.
    pub(crate) fn text(content: &'a str) -> Self {
        Self {
            content: Some(content),
            ..Self::default()
        }
    }
}
