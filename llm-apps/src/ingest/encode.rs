//! What ingestion needs of an encoder.

use futures::FutureExt;
use futures::future::BoxFuture;

/// Makes vectors of texts and counts their tokens. The engine's encoder is one; tests have theirs.
pub trait TextEncoder: Send + Sync {
    /// The vectors of some texts, in their order; the text says what went wrong.
    fn embed(&self, texts: Vec<String>) -> BoxFuture<'_, Result<Vec<Vec<f32>>, String>>;

    /// Tokens of a text; the text says what went wrong. It computes on the caller's thread.
    ///
    /// # Errors
    /// What the tokenizer says.
    fn count_tokens(&self, text: &str) -> Result<usize, String>;
}

impl TextEncoder for engine::Encoder {
    fn embed(&self, texts: Vec<String>) -> BoxFuture<'_, Result<Vec<Vec<f32>>, String>> {
        async move {
            Self::embed(self, texts)
                .await
                .map_err(|error| error.to_string())
        }
        .boxed()
    }

    fn count_tokens(&self, text: &str) -> Result<usize, String> {
        Self::count_tokens(self, text).map_err(|error| error.to_string())
    }
}
