//! What is ordered, and how.

use crate::payload::{Kind, Signature};

/// Another order for passages.
#[derive(Debug, Clone, PartialEq)]
pub struct RerankOptions {
    /// Who says how well a passage answers.
    pub by: RerankBy,
    /// The variable that holds what is to be answered. Default: `question`.
    pub query: String,
    /// The variable that holds the passages, which is written anew. Default: `passages`.
    pub passages: String,
    /// How many passages are kept. Default: all.
    pub top_k: Option<usize>,
    /// The least score of a passage that is kept. Default: all are.
    pub score_threshold: Option<f32>,
}

/// Who says how well a passage answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RerankBy {
    /// A classifier for pairs with one label, by name. Scores are from 0 to 1.
    Classifier(String),
    /// An encoder, by name. Scores are cosines.
    Encoder(String),
}

impl RerankOptions {
    /// The variables that it reads and writes.
    pub fn signature(&self) -> Signature {
        Signature::default()
            .reads(&self.query, Kind::Text)
            .reads(&self.passages, Kind::Passages)
            .writes(&self.passages, Kind::Passages)
    }

    /// The encoder that it compares with.
    pub fn encoder(&self) -> Option<&str> {
        match &self.by {
            RerankBy::Encoder(name) => Some(name),
            RerankBy::Classifier(_) => None,
        }
    }

    /// The classifier that it asks.
    pub fn classifier(&self) -> Option<&str> {
        match &self.by {
            RerankBy::Classifier(name) => Some(name),
            RerankBy::Encoder(_) => None,
        }
    }
}
