//! What makes the vectors of a collection's points and of the questions about them.

use std::fmt;

use engine::EncodeError;
use futures::FutureExt;
use futures::future::BoxFuture;

/// Makes vectors of texts and counts their tokens. The engine's encoder is one, which batches what is
/// asked of it at the same time; tests have theirs.
pub trait TextEncoder: fmt::Debug + Send + Sync {
    /// The vectors of some texts, in their order.
    fn embed(&self, texts: Vec<String>) -> BoxFuture<'_, Result<Vec<Vec<f32>>, EncodeError>>;

    /// Tokens of a text. It computes on the caller's thread.
    ///
    /// # Errors
    /// What the tokenizer says.
    fn count_tokens(&self, text: &str) -> Result<usize, EncodeError>;
}

impl TextEncoder for engine::Encoder {
    fn embed(&self, texts: Vec<String>) -> BoxFuture<'_, Result<Vec<Vec<f32>>, EncodeError>> {
        Self::embed(self, texts).boxed()
    }

    fn count_tokens(&self, text: &str) -> Result<usize, EncodeError> {
        Self::count_tokens(self, text)
    }
}
