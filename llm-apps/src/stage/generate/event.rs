//! What a generation says, in text.

use engine::EngineError;

/// One event of one of a request's choices. [`Finished`](Self::Finished) and
/// [`Failed`](Self::Failed) are terminal: each choice has exactly one of them, as its last.
#[derive(Debug, Clone, PartialEq)]
pub enum TextEvent {
    /// The prompt, once and before all else, when `echo` or the prompt's log-probabilities were
    /// asked for.
    Prompt {
        /// Which choice.
        choice: u32,
        /// The prompt's text.
        text: String,
        /// Its tokens. The first has no log-probability: nothing predicts it.
        tokens: Vec<TextToken>,
    },
    /// More of the answer.
    Delta {
        /// Which choice.
        choice: u32,
        /// What the answer goes on with. May be empty when tokens without a text come alone.
        text: String,
        /// The tokens whose text ends here. One that a stop string cuts in two comes with the part
        /// before it. Tokens that begin a character come with the one that completes it.
        tokens: Vec<TextToken>,
    },
    /// The answer is complete.
    Finished {
        /// Which choice.
        choice: u32,
        /// Why it ended.
        reason: FinishReason,
        /// What it cost.
        usage: TextUsage,
    },
    /// The answer cannot go on.
    Failed {
        /// Which choice.
        choice: u32,
        /// Why.
        error: EngineError,
    },
}

/// A token of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct TextToken {
    /// Its id.
    pub id: u32,
    /// Its bytes; may be part of a character.
    pub bytes: Vec<u8>,
    /// Where its text begins in the choice's whole text (an echoed prompt included), in characters.
    pub offset: usize,
    /// How likely it was, when asked for.
    pub logprobs: Option<Logprobs>,
}

/// How likely a token was by the model's own distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Logprobs {
    /// Its natural log-probability.
    pub logprob: f32,
    /// Its place among all tokens, 1 for the likeliest.
    pub rank: u32,
    /// The likeliest tokens, best first.
    pub top: Vec<Alternative>,
}

/// A token that could have been in another's place.
#[derive(Debug, Clone, PartialEq)]
pub struct Alternative {
    /// Its id.
    pub id: u32,
    /// Its bytes; may be part of a character.
    pub bytes: Vec<u8>,
    /// Its natural log-probability.
    pub logprob: f32,
}

/// Why an answer is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FinishReason {
    /// The model came to its end, or to a stop string or token of the request.
    Stop {
        /// Which one it was; `None` for the model's own end-of-sequence token.
        matched: Option<StopMatch>,
    },
    /// `max_tokens` were generated, or the context is full.
    Length,
}

/// What of the request's stops ended an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopMatch {
    /// This string of `stop`.
    Text(String),
    /// This token of `stop_token_ids`.
    Token(u32),
}

/// Tokens read and written for one choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextUsage {
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Tokens of the prompt that the prefix cache had.
    pub cached_tokens: u32,
    /// Tokens generated, up to and with the one that ended the answer.
    pub completion_tokens: u32,
}

impl TextEvent {
    /// Which choice it is about.
    pub fn choice(&self) -> u32 {
        match self {
            Self::Prompt { choice, .. }
            | Self::Delta { choice, .. }
            | Self::Finished { choice, .. }
            | Self::Failed { choice, .. } => *choice,
        }
    }
}
