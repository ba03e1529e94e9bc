//! Counting what a generation takes, whichever way it ends.

use super::call::Call;
use super::record::TokenCount;

/// Counts what a generation took: what is said at its end, or what was seen of it when it is given up.
pub(super) struct Spent {
    call: Call,
    tokens: Option<TokenCount>,
}

impl Spent {
    /// Of a generation from so many tokens.
    pub(super) fn new(call: &Call, prompt: usize) -> Self {
        let tokens = TokenCount {
            prompt: prompt as u64,
            ..TokenCount::default()
        };
        Self {
            call: call.clone(),
            tokens: Some(tokens),
        }
    }

    /// More tokens came.
    pub(super) fn saw(&mut self, tokens: usize) {
        if let Some(seen) = &mut self.tokens {
            seen.completion += tokens as u64;
        }
    }

    /// What it was in all.
    pub(super) fn settle(&mut self, tokens: TokenCount) {
        if self.tokens.take().is_some() {
            self.call.count_tokens(tokens);
        }
    }
}

impl Drop for Spent {
    fn drop(&mut self) {
        if let Some(seen) = self.tokens.take() {
            self.call.count_tokens(seen);
        }
    }
}
