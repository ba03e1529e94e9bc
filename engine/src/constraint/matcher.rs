//! [`Matcher`]: what may come next in one answer.

use std::fmt;

use llguidance::toktrie::SimpleVob;
use parking_lot::Mutex;

use super::error::{MaskError, one_line};
use super::grammar::Grammar;

/// A grammar that is ready for use with one model's tokens.
pub struct CompiledGrammar {
    grammar: Grammar,
    /// Nothing is read by it yet. Locked to be copied.
    beginning: Mutex<llguidance::Matcher>,
}

/// Where one answer stands in its grammar.
///
/// Two matchers that began with the same grammar and took the same tokens allow the same tokens.
pub(crate) struct Matcher {
    inner: llguidance::Matcher,
    /// Tokens that may come next, from the last call of [`allowed`](Self::allowed).
    mask: SimpleVob,
}

impl CompiledGrammar {
    pub(super) fn new(grammar: Grammar, beginning: llguidance::Matcher) -> Self {
        Self {
            grammar,
            beginning: Mutex::new(beginning),
        }
    }

    /// The grammar that was compiled.
    pub fn grammar(&self) -> &Grammar {
        &self.grammar
    }

    /// A matcher at the beginning of an answer.
    pub(crate) fn matcher(&self) -> Matcher {
        Matcher {
            inner: self.beginning.lock().deep_clone(),
            mask: SimpleVob::new(),
        }
    }
}

impl Matcher {
    /// Takes the next token of the answer. A token that is not allowed, or a fault, makes
    /// [`allow`](Self::allow) fail from then on; so there is one place to look.
    pub(crate) fn consume(&mut self, token: u32) {
        // What went wrong is kept by `inner`.
        self.inner.consume_token(token).ok();
    }

    /// Makes the logits of tokens that may not come next impossible. Where the grammar is complete and
    /// cannot go on, the tokens that end an answer are what is left.
    ///
    /// # Errors
    /// [`MaskError`] when that cannot be said.
    pub(crate) fn allow(&mut self, logits: &mut [f32]) -> Result<(), MaskError> {
        let mask = self.inner.compute_mask_or_eos();
        self.mask = mask.map_err(|error| MaskError(one_line(&error.to_string())))?;
        let bits = self.mask.as_slice();
        for (word, logits) in bits.iter().zip(logits.chunks_mut(32)) {
            match *word {
                0 => logits.fill(f32::NEG_INFINITY),
                u32::MAX => {}
                word => {
                    for (bit, logit) in logits.iter_mut().enumerate() {
                        if word & (1 << bit) == 0 {
                            *logit = f32::NEG_INFINITY;
                        }
                    }
                }
            }
        }
        // A row may be longer than the vocabulary.
        if let Some(beyond) = logits.get_mut(bits.len() * 32..) {
            beyond.fill(f32::NEG_INFINITY);
        }
        Ok(())
    }

    /// Whether `token` was allowed when [`allow`](Self::allow) was called last.
    pub(crate) fn allows(&self, token: u32) -> bool {
        (token as usize) < self.mask.len() && self.mask.is_allowed(token)
    }

    /// The lowest token that was allowed then.
    pub(crate) fn first_allowed(&self) -> Option<u32> {
        let first = self.mask.first_bit_set()?;
        u32::try_from(first).ok()
    }
}

impl Clone for Matcher {
    /// A matcher that shares nothing with this one.
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.deep_clone(),
            mask: self.mask.clone(),
        }
    }
}

impl PartialEq for CompiledGrammar {
    fn eq(&self, other: &Self) -> bool {
        self.grammar == other.grammar
    }
}

impl fmt::Debug for CompiledGrammar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompiledGrammar")
            .field("grammar", &self.grammar)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matcher").finish_non_exhaustive()
    }
}
