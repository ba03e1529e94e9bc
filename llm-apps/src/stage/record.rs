//! What was spent on a request.

use std::ops::Add;
use std::sync::Arc;
use std::time::Duration;

/// Tokens that models read and wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenCount {
    /// Tokens of prompts.
    pub prompt: u64,
    /// Those of them that a prefix cache had.
    pub cached: u64,
    /// Tokens generated.
    pub completion: u64,
}

/// One call of one stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageTiming {
    /// The deployment.
    pub stage: Arc<str>,
    /// From the call until a replica had a place.
    pub queued: Duration,
    /// From then until the answer, or the beginning of an answer that is a stream.
    pub ran: Duration,
}

impl Add for TokenCount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            prompt: self.prompt + other.prompt,
            cached: self.cached + other.cached,
            completion: self.completion + other.completion,
        }
    }
}
