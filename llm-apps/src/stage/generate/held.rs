//! Tokens whose text is not out yet.

use std::collections::VecDeque;

use super::event::TextToken;

/// Tokens in their order, each with the stretch of the choice's text that it wrote, in bytes.
#[derive(Debug, Default)]
pub(super) struct HeldTokens {
    tokens: VecDeque<Held>,
}

#[derive(Debug)]
struct Held {
    token: TextToken,
    start: usize,
    end: usize,
}

impl HeldTokens {
    /// Adds the next token, which wrote the bytes from `start` to `end`.
    pub(super) fn push(&mut self, token: TextToken, start: usize, end: usize) {
        self.tokens.push_back(Held { token, start, end });
    }

    /// The last tokens that have no text yet turn out to have written up to `end`.
    pub(super) fn extend_to(&mut self, end: usize) {
        let unwritten = |held: &&mut Held| held.start == held.end;
        for held in self.tokens.iter_mut().rev().take_while(unwritten) {
            held.end = end;
        }
    }

    /// Takes the tokens whose text lies within the first `released` bytes. Those without a text of
    /// their own wait for the next that has one: they may be the beginning of its first character.
    pub(super) fn take_released(&mut self, released: usize) -> Vec<TextToken> {
        let out = |held: &Held| held.start < held.end && held.end <= released;
        let count = self.tokens.iter().rposition(out).map_or(0, |last| last + 1);
        self.tokens.drain(..count).map(|held| held.token).collect()
    }

    /// Takes the tokens that begin within the first `cut` bytes, where the text was cut, and forgets
    /// the others.
    pub(super) fn take_cut(&mut self, cut: usize) -> Vec<TextToken> {
        let kept = self.tokens.drain(..).filter(|held| held.start < cut);
        kept.map(|held| held.token).collect()
    }

    /// Takes all.
    pub(super) fn take_all(&mut self) -> Vec<TextToken> {
        self.tokens.drain(..).map(|held| held.token).collect()
    }
}
