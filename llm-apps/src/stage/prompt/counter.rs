//! Who counts the tokens of a prompt.

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::stage::StageError;
use crate::stage::generate::{Prompt, TextModel};

/// Counts as the model does that is going to read the prompt.
pub trait TokenCounter: Send + Sync + 'static {
    /// Bytes of the longest text that may be so many tokens. A longer one is not counted at all.
    fn max_bytes(&self, tokens: usize) -> usize;

    /// The tokens of a prompt, the marks of the chat template among them.
    ///
    /// # Errors
    /// When the model cannot read such a prompt at all.
    fn count(&self, prompt: Prompt) -> BoxFuture<'_, Result<usize, StageError>>;
}

impl TokenCounter for TextModel {
    fn max_bytes(&self, tokens: usize) -> usize {
        self.tokenizer().max_text_bytes(tokens)
    }

    fn count(&self, prompt: Prompt) -> BoxFuture<'_, Result<usize, StageError>> {
        async move { Ok(self.tokenize(prompt).await?.len()) }.boxed()
    }
}
