//! What an answer cost, in OpenAI's shape.

use serde::Serialize;

/// Tokens of a request: each prompt counted once, the answers together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Usage {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u32,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct PromptDetails {
    cached_tokens: u32,
    audio_tokens: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct CompletionDetails {
    reasoning_tokens: u32,
    audio_tokens: u32,
    accepted_prediction_tokens: u32,
    rejected_prediction_tokens: u32,
}

/// Tokens of texts that were read, where nothing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct ReadUsage {
    prompt_tokens: u32,
    total_tokens: u32,
}

impl ReadUsage {
    pub(crate) fn new(tokens: u32) -> Self {
        Self {
            prompt_tokens: tokens,
            total_tokens: tokens,
        }
    }
}

impl Usage {
    /// Of `prompt` tokens, `cached` were found in the prefix cache.
    pub(crate) fn new(prompt: u32, cached: u32, completion: u32) -> Self {
        Self {
            prompt_tokens: prompt,
            completion_tokens: completion,
            total_tokens: prompt.saturating_add(completion),
            prompt_tokens_details: PromptDetails {
                cached_tokens: cached,
                ..PromptDetails::default()
            },
            completion_tokens_details: CompletionDetails::default(),
        }
    }

    /// Of the answers' tokens, so many were thoughts.
    pub(crate) fn with_reasoning(mut self, tokens: u32) -> Self {
        self.completion_tokens_details.reasoning_tokens = tokens;
        self
    }

    /// Tokens of the prompt, those of them that were cached, and tokens of the answer.
    pub(crate) fn counts(&self) -> (u32, u32, u32) {
        let cached = self.prompt_tokens_details.cached_tokens;
        (self.prompt_tokens, cached, self.completion_tokens)
    }
}

/// The `usage` of a chunk: left out unless it was asked for, and then `null` but where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum ChunkUsage {
    /// Not asked for.
    #[serde(skip)]
    Absent,
    /// Not yet known.
    Null,
    /// Known.
    Known(Usage),
}

impl ChunkUsage {
    /// Of the answers' tokens, so many were thoughts.
    pub(crate) fn with_reasoning(self, tokens: u32) -> Self {
        match self {
            Self::Known(usage) => Self::Known(usage.with_reasoning(tokens)),
            Self::Absent | Self::Null => self,
        }
    }

    /// Whether the field is left out.
    pub(crate) fn is_absent(&self) -> bool {
        *self == Self::Absent
    }
}
