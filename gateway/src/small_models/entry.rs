//! What is to be served.

use std::num::NonZeroUsize;

use engine::{Classifier, Encoder};

/// A small model that is to be served. Clones share the model.
#[derive(Debug, Clone)]
pub struct SmallModelEntry {
    /// The name that requests give.
    pub name: String,
    /// When it came to this machine, in seconds since 1970.
    pub created: u64,
    /// The model.
    pub model: SmallModel,
    /// Requests whose texts become tokens at the same time.
    pub preparing: NonZeroUsize,
}

/// What it is.
#[derive(Debug, Clone)]
pub enum SmallModel {
    /// Texts to vectors.
    Encoder(Encoder),
    /// Texts, or pairs of texts, to labels.
    Classifier(Classifier),
}

impl SmallModel {
    /// Longest text in tokens.
    pub(crate) fn max_seq_length(&self) -> usize {
        match self {
            Self::Encoder(encoder) => encoder.max_seq_length(),
            Self::Classifier(classifier) => classifier.max_seq_length(),
        }
    }

    /// What it does and where it is asked, for requests that ask for something else.
    pub(crate) fn does(&self) -> &'static str {
        match self {
            Self::Encoder(_) => {
                "is an encoder and writes no text: ask POST /v1/embeddings, /v1/rerank or /v1/score"
            }
            Self::Classifier(classifier) if classifier.labels().len() == 1 => {
                "judges pairs of texts and writes none: ask POST /v1/rerank, /v1/score or /v1/classify"
            }
            Self::Classifier(_) => "is a classifier and writes no text: ask POST /v1/classify",
        }
    }
}
