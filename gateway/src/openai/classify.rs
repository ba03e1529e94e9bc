//! `POST /v1/classify`, in vLLM's shape: which label fits a text.

use engine::{LabelScores, Overlong};
use serde::{Deserialize, Serialize};

use super::head::Head;
use super::inputs::{Inputs, inputs, overlong};
use super::judge::{Rules, judged};
use super::parse::{required, typed};
use super::prompt::Prompts;
use super::tables::CLASSIFY;
use super::usage::ReadUsage;
use crate::error::ApiError;

/// Texts to be labelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassifyRequest {
    /// The name of a classifier.
    pub model: String,
    /// The texts.
    pub inputs: Inputs,
    /// What becomes of a text that is too long.
    pub overlong: Overlong,
    /// Fields that no table knows.
    pub unknown_fields: usize,
}

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Classified {
    id: String,
    object: &'static str,
    created: u64,
    model: String,
    data: Vec<Labelled>,
    usage: ReadUsage,
}

#[derive(Debug, Serialize)]
struct Labelled {
    index: usize,
    label: Option<String>,
    probs: Vec<f32>,
    num_classes: usize,
}

#[derive(Debug, Deserialize)]
struct Wire {
    model: Option<String>,
    input: Option<Prompts>,
    truncate_prompt_tokens: Option<i64>,
}

/// Reads the body of `POST /v1/classify`.
///
/// # Errors
/// [`ApiError::Invalid`] names the field at fault.
pub fn classify_request(body: &[u8], rules: Rules) -> Result<ClassifyRequest, ApiError> {
    let (request, unknown_fields) = judged(body, CLASSIFY, rules)?;
    let wire: Wire = typed(&request)?;
    Ok(ClassifyRequest {
        model: required(wire.model, "model")?,
        inputs: inputs(&request, wire.input)?,
        overlong: overlong(wire.truncate_prompt_tokens)?.unwrap_or_default(),
        unknown_fields,
    })
}

impl Classified {
    pub(crate) fn new(
        head: Head,
        labels: &[String],
        scores: Vec<LabelScores>,
        tokens: u32,
    ) -> Self {
        let labelled = |(index, found): (usize, LabelScores)| Labelled {
            index,
            label: found.best().and_then(|(best, _)| labels.get(best).cloned()),
            num_classes: found.scores.len(),
            probs: found.scores,
        };
        Self {
            id: head.id,
            object: "list",
            created: head.created,
            model: head.model,
            data: scores.into_iter().enumerate().map(labelled).collect(),
            usage: ReadUsage::new(tokens),
        }
    }
}
