//! [`Classifier`]: all of a classifier that the outside sees.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::files::ClassifierFiles;
use super::head::Headed;
use super::scores::LabelScores;
use crate::batching::{Batcher, EncoderConfig};
use crate::checkpoint::{EncodeError, EncoderError, Folder, Tokens, read_tokenizer};

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
        let model = Headed::load(&folder, &files, Arc::new(tokens))?;
        let shared = Shared {
            batcher: Batcher::start(model, config, "classifier")?,
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
        self.shared.batcher.answer(inputs).await
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
