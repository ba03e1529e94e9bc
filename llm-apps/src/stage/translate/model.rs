//! What writes a text for a text.

use std::fmt;

use engine::{EncodeError, Translation, Translator};
use futures::FutureExt;
use futures::future::BoxFuture;

/// Writes a text for a text. The engine's translator is one; tests have theirs.
pub trait TextTranslator: fmt::Debug + Send + Sync {
    /// The text for a text, of `max_tokens` at most. Dropping the future ends the work.
    fn translate(
        &self,
        text: String,
        max_tokens: usize,
    ) -> BoxFuture<'_, Result<Translation, EncodeError>>;
}

impl TextTranslator for Translator {
    fn translate(
        &self,
        text: String,
        max_tokens: usize,
    ) -> BoxFuture<'_, Result<Translation, EncodeError>> {
        Self::translate(self, text, max_tokens).boxed()
    }
}
