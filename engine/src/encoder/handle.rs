//! [`Encoder`]: all of an encoder that the outside sees.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::dimensions::{Dimensions, cut};
use super::files::EncoderFiles;
use super::pooling::Pooled;
use super::prompts::Prompts;
use crate::batching::{Batcher, EncoderConfig};
use crate::checkpoint::{
    EncodeError, EncodedText, EncoderError, Folder, Overlong, Queued, Tokens, read_tokenizer,
};

/// A running encoder. Clones share it; when the last one is dropped, its thread ends after the batch
/// in hand.
#[derive(Clone)]
pub struct Encoder {
    shared: Arc<Shared>,
    dimensions: Dimensions,
}

struct Shared {
    batcher: Batcher<Pooled>,
    tokens: Arc<Tokens>,
    dimension: usize,
    prompts: Prompts,
    vocab_size: usize,
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
            prompts: files.prompts,
            vocab_size: files.config.sizes.vocab_size,
            max_seq_length: files.max_seq_length,
        };
        Ok(Self {
            shared: Arc::new(shared),
            dimensions: files.dimensions,
        })
    }

    /// The same encoder, whose vectors may be cut to these lengths beside those that its files allow: for a model that
    /// was trained for it and does not say so.
    ///
    /// # Errors
    /// [`EncoderError::OutOfRange`] for a length that is not shorter than a vector.
    pub fn with_lengths(mut self, lengths: &[usize]) -> Result<Self, EncoderError> {
        let whole = self.dimension();
        if let Some(&value) = lengths.iter().find(|length| !(1..whole).contains(*length)) {
            return Err(EncoderError::OutOfRange {
                param: "matryoshka_dimensions",
                expected: "shorter than the model's vectors",
                value,
            });
        }
        self.dimensions = self.dimensions.with(lengths);
        Ok(self)
    }

    /// The vectors of some texts, in their order, each behind the words that the model's files put before a text of
    /// which nothing is said. A text beyond the model's length counts by its beginning. Dropping the future takes back
    /// what has not begun.
    ///
    /// # Errors
    /// [`EncodeError`]; then there is no vector of any.
    pub async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EncodeError> {
        let before = self.shared.prompts.before(None);
        let texts = texts.into_iter().map(|text| match before {
            "" => Queued::Raw(text),
            before => Queued::Raw(format!("{before}{text}")),
        });
        self.shared.batcher.answer(texts.collect()).await
    }

    /// The vectors of texts that were encoded before.
    ///
    /// # Errors
    /// [`EncodeError`]; then there is no vector of any.
    pub async fn embed_encoded(
        &self,
        texts: Vec<EncodedText>,
    ) -> Result<Vec<Vec<f32>>, EncodeError> {
        let texts = texts.into_iter().map(Queued::Encoded);
        self.shared.batcher.answer(texts.collect()).await
    }

    /// The tokens of a text, for [`embed_encoded`](Self::embed_encoded), behind the words that the model's files have
    /// under the name `prompt`, one of [`prompts`](Self::prompts). It computes on the caller's thread.
    ///
    /// # Errors
    /// [`EncodeError`] for what the model cannot take.
    pub fn encode(
        &self,
        text: &str,
        prompt: Option<&str>,
        overlong: Overlong,
    ) -> Result<EncodedText, EncodeError> {
        let Shared {
            tokens,
            prompts,
            max_seq_length,
            ..
        } = &*self.shared;
        let text = match prompts.before(prompt) {
            "" => Cow::Borrowed(text),
            before => Cow::Owned(format!("{before}{text}")),
        };
        EncodedText::of(tokens, (&text, None), overlong, *max_seq_length)
    }

    /// Token ids as a text, taken as they are.
    ///
    /// # Errors
    /// [`EncodeError`] for what the model cannot take.
    pub fn take_ids(&self, ids: Vec<u32>) -> Result<EncodedText, EncodeError> {
        EncodedText::of_ids(ids, self.shared.vocab_size, self.shared.max_seq_length)
    }

    /// The beginnings of vectors as vectors of `length` numbers, where [`dimensions`](Self::dimensions) allow it.
    pub fn cut(&self, vectors: &mut [Vec<f32>], length: usize) {
        if self.dimensions.allow(length, self.shared.dimension) {
            for vector in vectors {
                cut(vector, length);
            }
        }
    }

    /// To which lengths vectors may be cut.
    pub fn dimensions(&self) -> &Dimensions {
        &self.dimensions
    }

    /// Names of the words that may stand before a text.
    pub fn prompts(&self) -> impl Iterator<Item = &str> {
        self.shared.prompts.names()
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
