//! [`Encoder`]: all of an encoder that the outside sees.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::files::EncoderFiles;
use super::pooling::Pooled;
use crate::batching::{Batcher, EncoderConfig};
use crate::checkpoint::{EncodeError, EncoderError, Folder, Tokens, read_tokenizer};

/// A running encoder. Clones share it; when the last one is dropped, its thread ends after the batch
/// in hand.
#[derive(Clone)]
pub struct Encoder {
    shared: Arc<Shared>,
}

struct Shared {
    batcher: Batcher<Pooled>,
    tokens: Arc<Tokens>,
    dimension: usize,
    max_seq_length: usize,
}

impl Encoder {
    /// Opens the model in a folder and starts its thread.
    ///
    /// # Errors
    /// [`EncoderError`] names the file and what is wrong with it.
    pub fn open(folder: &Path, config: &EncoderConfig) -> Result<Self, EncoderError> {
        let folder = Folder::new(folder);
        let files = EncoderFiles::read(&folder)?;
        let tokenizer = read_tokenizer(&folder)?;
        let tokens = Tokens::new(tokenizer, &folder, files.max_seq_length, files.lower_case)?;
        let tokens = Arc::new(tokens);
        let model = Pooled::load(&folder, &files, Arc::clone(&tokens))?;
        let shared = Shared {
            batcher: Batcher::start(model, config, "encoder")?,
            tokens,
            dimension: files.config.sizes.hidden_size,
            max_seq_length: files.max_seq_length,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The vectors of some texts, in their order. A text beyond the model's length counts by its
    /// beginning. Dropping the future takes back what has not begun.
    ///
    /// # Errors
    /// [`EncodeError`]; then there is no vector of any.
    pub async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EncodeError> {
        self.shared.batcher.answer(texts).await
    }

    /// Numbers of a vector.
    pub fn dimension(&self) -> usize {
        self.shared.dimension
    }

    /// Longest text in tokens, the two that begin and end it included; what goes beyond is not seen.
    pub fn max_seq_length(&self) -> usize {
        self.shared.max_seq_length
    }

    /// Tokens of a text by itself, however long. For callers that cut texts to fit; it computes on
    /// the caller's thread.
    ///
    /// # Errors
    /// [`EncodeError::Failed`] when the tokenizer cannot cut it.
    pub fn count_tokens(&self, text: &str) -> Result<usize, EncodeError> {
        self.shared.tokens.count(text)
    }

    /// Takes no more texts, ends those that wait in [`EncodeError::ShuttingDown`], and returns when
    /// the thread is gone: after the batch in hand. Calling it again does nothing.
    pub fn shutdown(&self) {
        self.shared.batcher.stop();
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("dimension", &self.shared.dimension)
            .field("max_seq_length", &self.shared.max_seq_length)
            .finish_non_exhaustive()
    }
}
