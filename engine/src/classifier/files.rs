//! What `config.json` says of the labels.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::scores::Scale;
use crate::bert::BertConfig;
use crate::checkpoint::{EncoderError, Folder};

/// A classifier's description, proved.
#[derive(Debug, Clone)]
pub(super) struct ClassifierFiles {
    pub(super) config: BertConfig,
    /// The labels in the order of the logits, at least one.
    pub(super) labels: Arc<[String]>,
    pub(super) scale: Scale,
    /// Longest text or pair in tokens, those around them included.
    pub(super) max_seq_length: usize,
}

#[derive(Deserialize)]
struct Described {
    id2label: Option<BTreeMap<String, String>>,
    num_labels: Option<usize>,
    problem_type: Option<String>,
}

/// Most labels.
const MAX_LABELS: usize = 1 << 16;
/// Labels of a description that names none, as in `transformers`.
const UNNAMED_LABELS: usize = 2;

impl ClassifierFiles {
    /// Reads and proves the description in a folder.
    pub(super) fn read(folder: &Folder) -> Result<Self, EncoderError> {
        let (path, described) = folder.config()?;
        let config = BertConfig::read(&path, &described)?;
        let (labels, scale) = labels(&path, &described)?;
        let positions = config.sizes.max_position_embeddings;
        let longest = folder.model_max_length()?.unwrap_or(positions);
        Ok(Self {
            config,
            labels: labels.into(),
            scale,
            max_seq_length: longest.min(positions),
        })
    }
}

fn labels(path: &Path, value: &Value) -> Result<(Vec<String>, Scale), EncoderError> {
    let described = Described::deserialize(value);
    let described = described.map_err(|error| EncoderError::corrupt(path, error))?;
    let labels = match &described.id2label {
        Some(named) => in_order(path, named)?,
        None => {
            let count = described.num_labels.unwrap_or(UNNAMED_LABELS);
            let names = (0..count.min(MAX_LABELS + 1)).map(|id| format!("LABEL_{id}"));
            names.collect()
        }
    };
    if labels.is_empty() || labels.len() > MAX_LABELS {
        let why = format!(
            "there must be from 1 to {MAX_LABELS} labels, but there are {}",
            labels.len()
        );
        return Err(EncoderError::corrupt(path, why));
    }
    let scale = match (described.problem_type.as_deref(), labels.len()) {
        (Some("regression"), _) => Scale::None,
        (Some("multi_label_classification"), _) | (_, 1) => Scale::Sigmoid,
        (None | Some("single_label_classification"), _) => Scale::Softmax,
        (Some(other), _) => {
            return Err(EncoderError::Unsupported {
                path: path.to_owned(),
                what: "problem_type",
                found: format!("{other:?}"),
                known: "single_label_classification, multi_label_classification and regression",
            });
        }
    };
    Ok((labels, scale))
}

/// The names of the ids 0, 1, 2, ...
fn in_order(path: &Path, named: &BTreeMap<String, String>) -> Result<Vec<String>, EncoderError> {
    let missing = |id: usize| {
        let why = format!(
            "`id2label` names {} labels, but none for the id {id}",
            named.len()
        );
        EncoderError::corrupt(path, why)
    };
    (0..named.len())
        .map(|id| {
            named
                .get(&id.to_string())
                .cloned()
                .ok_or_else(|| missing(id))
        })
        .collect()
}
