//! What a generation says, token by token.

use crate::error::EngineError;

/// One event of a generation. `Done` and `Failed` are terminal: exactly one of them comes, last.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenEvent {
    /// Log-probabilities of the prompt's tokens, sent once and first when they were asked for. Entry
    /// 0 is `None`: nothing predicts the first token.
    Prompt(Vec<Option<TokenLogprobs>>),
    /// One generated token, the stop or end-of-sequence token included.
    Token {
        /// The token's id.
        id: u32,
        /// Its log-probability and the alternatives, when they were asked for.
        logprobs: Option<TokenLogprobs>,
        /// As [`Usage::cached_tokens`], the same for every token: a reader that has enough before the
        /// end still knows what it cost.
        cached_tokens: u32,
    },
    /// The generation ended as it should.
    Done {
        /// Why it ended.
        reason: FinishReason,
        /// What it cost.
        usage: Usage,
    },
    /// The generation could not go on.
    Failed(EngineError),
}

/// Why a generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// The model produced this end-of-sequence or stop token.
    StopToken(u32),
    /// `max_tokens` were generated, or the context is full.
    Length,
}

/// Tokens read and written by one generation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Tokens of the prompt whose keys and values were found in the prefix cache when the sequence
    /// was first admitted.
    pub cached_tokens: u32,
    /// Tokens generated, the stop token included.
    pub completion_tokens: u32,
}

/// How likely a token was, by the model's own distribution: the log-softmax of the raw logits,
/// before penalties, bias, temperature and truncation.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenLogprobs {
    /// The token.
    pub id: u32,
    /// Its natural log-probability.
    pub logprob: f32,
    /// Its place among all tokens, 1 for the likeliest.
    pub rank: u32,
    /// The likeliest tokens with their log-probabilities, best first; ties by lower id. Where the request
    /// named tokens ([`logprob_token_ids`](crate::SamplingParams::logprob_token_ids)), those as it named them.
    pub top: Vec<(u32, f32)>,
}
