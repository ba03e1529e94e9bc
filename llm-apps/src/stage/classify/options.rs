//! What is classified, and how.

use crate::payload::{Kind, Signature};

/// A label for a text.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassifyOptions {
    /// Who tells the label.
    pub by: ClassifyBy,
    /// The variable that holds the text. Default: `question`.
    pub input: String,
    /// The variable that is written: the label. Default: `label`.
    pub output: String,
    /// The other variable that is written: the score of each label, the best first. Default: `scores`.
    pub scores: String,
    /// Below what the best label does not count. Default: it always does.
    pub threshold: Option<LabelThreshold>,
}

/// Who tells the label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClassifyBy {
    /// A classifier of the configuration, by name. Its labels are its own.
    Classifier(String),
    /// Examples of each label: the nearest one decides.
    Examples {
        /// The encoder that compares them, by name.
        encoder: String,
        /// The labels, each with at least one example.
        labels: Vec<(String, Vec<String>)>,
    },
}

/// Where no label fits.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelThreshold {
    /// The least score that counts: of a classifier a share of 1, of examples a cosine.
    pub least: f32,
    /// The label of a text that no other fits.
    pub otherwise: String,
}

impl ClassifyOptions {
    /// The variables that it reads and writes.
    pub fn signature(&self) -> Signature {
        Signature::default()
            .reads(&self.input, Kind::Text)
            .writes(&self.output, Kind::Text)
            .writes(&self.scores, Kind::Object)
    }

    /// The encoder that it compares with.
    pub fn encoder(&self) -> Option<&str> {
        match &self.by {
            ClassifyBy::Examples { encoder, .. } => Some(encoder),
            ClassifyBy::Classifier(_) => None,
        }
    }

    /// The classifier that it asks.
    pub fn classifier(&self) -> Option<&str> {
        match &self.by {
            ClassifyBy::Classifier(name) => Some(name),
            ClassifyBy::Examples { .. } => None,
        }
    }
}
