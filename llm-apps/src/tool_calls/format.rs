//! [`ToolFormat`]: how models write calls.

use engine::tokenizer::{ChatTemplate, Tokenizer};

/// How a family of models writes calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolFormat {
    /// `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`.
    Hermes,
    /// `{"name": ..., "parameters": {...}}`.
    Llama3Json,
    /// `[TOOL_CALLS][{"name": ..., "arguments": {...}}]`.
    Mistral,
    /// `[name(key="value")]`.
    Pythonic,
}

/// What of a model matters to calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToolSyntax {
    /// How it writes them.
    pub format: ToolFormat,
    /// The special token that stands before calls, if it has one: its text does not come out.
    pub token: Option<u32>,
    /// Whether its chat template knows tools.
    pub template: bool,
}

impl ToolFormat {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Hermes,
        Self::Llama3Json,
        Self::Mistral,
        Self::Pythonic,
    ];

    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hermes => "hermes",
            Self::Llama3Json => "llama3_json",
            Self::Mistral => "mistral",
            Self::Pythonic => "pythonic",
        }
    }

    /// What stands before calls; calls may stand at the beginning of an answer without it.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Hermes => "<tool_call>",
            Self::Llama3Json => "<|python_tag|>",
            Self::Mistral => "[TOOL_CALLS]",
            Self::Pythonic => "<|python_start|>",
        }
    }

    /// The format that a template teaches.
    fn of(template: &ChatTemplate) -> Self {
        const SIGNS: [(&str, ToolFormat); 5] = [
            ("<tool_call>", ToolFormat::Hermes),
            ("[TOOL_CALLS]", ToolFormat::Mistral),
            ("func_name1(", ToolFormat::Pythonic),
            ("<|python_start|>", ToolFormat::Pythonic),
            ("\"parameters\": ", ToolFormat::Llama3Json),
        ];
        let sign = SIGNS.iter().find(|(sign, _)| template.mentions(sign));
        sign.map_or(Self::Hermes, |(_, format)| *format)
    }
}

impl ToolSyntax {
    /// That of a model, whose format the configuration may give.
    pub fn of(
        template: Option<&ChatTemplate>,
        tokenizer: &Tokenizer,
        given: Option<ToolFormat>,
    ) -> Self {
        let taking = template.filter(|template| template.takes_tools());
        let told = taking.map_or(ToolFormat::Hermes, ToolFormat::of);
        let format = given.unwrap_or(told);
        let mark = format.mark().as_bytes();
        let size = u32::try_from(tokenizer.vocab_size()).unwrap_or(u32::MAX);
        let is_mark = |id: &u32| tokenizer.is_special(*id) && tokenizer.token_bytes(*id) == mark;
        Self {
            format,
            token: (0..size).find(is_mark),
            template: taking.is_some(),
        }
    }
}
