//! [`Classifier`]: all of a classifier that the outside sees.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::files::ClassifierFiles;
use super::head::Headed;
use super::scores::LabelScores;
use crate::batching::{Batcher, EncoderConfig};
use crate::checkpoint::{
    EncodeError, EncodedText, EncoderError, Folder, Overlong, Queued, Tokens, read_tokenizer,
};

/// A running classifier. Clones share it; when the last one is dropped, its thread ends after the
/// batch in hand.
#[derive(Clone)]
pub struct Classifier {
    shared: Arc<Shared>,
}

/// A text to classify, or a pair of texts for a model that was trained on pairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassifierInput {
    /// The text; of a pair the first, such as a question.
    pub text: String,
    /// The second of a pair, such as a passage that may answer it.
    pub beside: Option<String>,
}

struct Shared {
    batcher: Batcher<Headed>,
    tokens: Arc<Tokens>,
    vocab_size: usize,
    labels: Arc<[String]>,
    max_seq_length: usize,
}

impl Classifier {
    /// Opens the model in a folder and starts its thread.
    ///
    /// # Errors
    /// [`EncoderError`] names the file and what is wrong with it.
    pub fn open(folder: &Path, config: &EncoderConfig) -> Result<Self, EncoderError> {
        let folder = Folder::new(folder);
        let files = ClassifierFiles::read(&folder)?;
        let tokenizer = read_tokenizer(&folder)?;
        let tokens = Tokens::new(tokenizer, &folder, files.max_seq_length, false)?;
        let tokens = Arc::new(tokens);
        let model = Headed::load(&folder, &files, Arc::clone(&tokens))?;
        let shared = Shared {
            batcher: Batcher::start(model, config, "classifier")?,
            tokens,
            vocab_size: files.config.sizes.vocab_size,
            labels: files.labels,
            max_seq_length: files.max_seq_length,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// What the model says of some texts, in their order. A text beyond the model's length counts by
    /// its beginning; the longer one of a pair is cut first. Dropping the future takes back what has
    /// not begun.
    ///
    /// # Errors
    /// [`EncodeError`]; then there is nothing of any.
    pub async fn classify(
        &self,
        inputs: Vec<ClassifierInput>,
    ) -> Result<Vec<LabelScores>, EncodeError> {
        let inputs = inputs.into_iter().map(Queued::Raw).collect();
        self.shared.batcher.answer(inputs).await
    }

    /// The same of texts that were encoded before.
    ///
    /// # Errors
    /// [`EncodeError`]; then there is nothing of any.
    pub async fn classify_encoded(
        &self,
        texts: Vec<EncodedText>,
    ) -> Result<Vec<LabelScores>, EncodeError> {
        let inputs = texts.into_iter().map(Queued::Encoded).collect();
        self.shared.batcher.answer(inputs).await
    }

    /// The tokens of a text or a pair, for [`classify_encoded`](Self::classify_encoded). It computes on the
    /// caller's thread.
    ///
    /// # Errors
    /// [`EncodeError`] for what the model cannot take.
    pub fn encode(
        &self,
        input: &ClassifierInput,
        overlong: Overlong,
    ) -> Result<EncodedText, EncodeError> {
        let Shared {
            tokens,
            max_seq_length,
            ..
        } = &*self.shared;
        let pair = (input.text.as_str(), input.beside.as_deref());
        EncodedText::of(tokens, pair, overlong, *max_seq_length)
    }

    /// Token ids as a text, taken as they are.
    ///
    /// # Errors
    /// [`EncodeError`] for what the model cannot take.
    pub fn take_ids(&self, ids: Vec<u32>) -> Result<EncodedText, EncodeError> {
        let Shared {
            vocab_size,
            max_seq_length,
            ..
        } = &*self.shared;
        EncodedText::of_ids(ids, *vocab_size, *max_seq_length)
    }

    /// The labels in the order of their scores, at least one.
    pub fn labels(&self) -> &[String] {
        &self.shared.labels
    }

    /// Longest text or pair in tokens, those around them included; what goes beyond is not seen.
    pub fn max_seq_length(&self) -> usize {
        self.shared.max_seq_length
    }

    /// Takes no more texts, ends those that wait in [`EncodeError::ShuttingDown`], and returns when
    /// the thread is gone: after the batch in hand. Calling it again does nothing.
    pub fn shutdown(&self) {
        self.shared.batcher.stop();
    }
}

impl From<String> for ClassifierInput {
    fn from(text: String) -> Self {
        Self { text, beside: None }
    }
}

impl fmt::Debug for Classifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classifier")
            .field("labels", &self.shared.labels)
            .field("max_seq_length", &self.shared.max_seq_length)
            .finish_non_exhaustive()
    }
}
