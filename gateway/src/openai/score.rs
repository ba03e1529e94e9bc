//! `POST /v1/score`, in vLLM's shape: how well texts belong together.

use engine::Overlong;
use serde::{Deserialize, Serialize};

use super::head::Head;
use super::inputs::{at_most_inputs, overlong};
use super::judge::{Rules, judged};
use super::one_or_many::Texts;
use super::parse::{required, typed};
use super::tables::SCORE;
use super::usage::ReadUsage;
use crate::error::ApiError;

/// Pairs of texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreRequest {
    /// The name of a classifier of pairs, or of an encoder.
    pub model: String,
    /// The first text of all pairs, or the firsts of each.
    pub text_1: Vec<String>,
    /// The second texts, at least one.
    pub text_2: Vec<String>,
    /// What becomes of a text that is too long.
    pub overlong: Overlong,
    /// Fields that no table knows.
    pub unknown_fields: usize,
}

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Scores {
    id: String,
    object: &'static str,
    created: u64,
    model: String,
    data: Vec<Score>,
    usage: ReadUsage,
}

#[derive(Debug, Serialize)]
struct Score {
    index: usize,
    object: &'static str,
    score: f32,
}

#[derive(Debug, Deserialize)]
struct Wire {
    model: Option<String>,
    text_1: Option<Texts>,
    text_2: Option<Texts>,
    truncate_prompt_tokens: Option<i64>,
}

/// Reads the body of `POST /v1/score`.
///
/// # Errors
/// [`ApiError::Invalid`] names the field at fault.
pub fn score_request(body: &[u8], rules: Rules) -> Result<ScoreRequest, ApiError> {
    let (request, unknown_fields) = judged(body, SCORE, rules)?;
    let wire: Wire = typed(&request)?;
    let model = required(wire.model, "model")?;
    let text_1 = required(wire.text_1, "text_1")?.0;
    let text_2 = required(wire.text_2, "text_2")?.0;
    for (field, texts) in [("text_1", &text_1), ("text_2", &text_2)] {
        if texts.is_empty() {
            let message = format!("{field} is empty; at least one text is needed");
            return Err(ApiError::invalid(field, message));
        }
        at_most_inputs(field, texts.len())?;
    }
    if text_1.len() > 1 && text_1.len() != text_2.len() {
        let message = format!(
            "text_1 has {} texts and text_2 {}; text_1 must have one for all, or as many",
            text_1.len(),
            text_2.len()
        );
        return Err(ApiError::invalid("text_1", message));
    }
    Ok(ScoreRequest {
        model,
        text_1,
        text_2,
        overlong: overlong(wire.truncate_prompt_tokens)?.unwrap_or_default(),
        unknown_fields,
    })
}

impl Scores {
    pub(crate) fn new(head: Head, scores: Vec<f32>, tokens: u32) -> Self {
        let scores = scores.into_iter().enumerate();
        let data = scores.map(|(index, score)| Score {
            index,
            object: "score",
            score,
        });
        Self {
            id: head.id,
            object: "list",
            created: head.created,
            model: head.model,
            data: data.collect(),
            usage: ReadUsage::new(tokens),
        }
    }
}
