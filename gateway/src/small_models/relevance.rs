//! How well texts belong together: by a classifier of pairs, or by the angle between vectors.

use std::time::Duration;

use engine::{
    Classifier, ClassifierInput, EncodeError, EncodedText, Encoder, LabelScores, Overlong,
};

use super::embed::count;
use super::entry::SmallModel;
use super::served::ServedSmallModel;
use crate::error::ApiError;

/// Texts whose pairs are judged.
#[derive(Debug)]
pub(crate) struct Pairs {
    /// The firsts: one for all the others, or one for each.
    pub(crate) left: Vec<String>,
    /// The seconds, at least one.
    pub(crate) right: Vec<String>,
    /// How errors name the two lists.
    pub(crate) fields: (&'static str, &'static str),
    /// What becomes of a text that is too long.
    pub(crate) overlong: Overlong,
    /// Whether the first is a question, and the others are passages that may answer it.
    pub(crate) asks: bool,
}

/// Names under which models keep what stands before a question, and before a passage.
const QUESTION: &[&str] = &["query"];
const PASSAGE: &[&str] = &["document", "passage", "corpus"];

/// A score for each of the second texts, in their order, and how many tokens were read.
///
/// # Errors
/// A model that cannot judge pairs, or the text at fault.
pub(crate) async fn relevance(
    served: &ServedSmallModel,
    pairs: Pairs,
    retry_after: Duration,
) -> Result<(Vec<f32>, u32), ApiError> {
    match served.model() {
        SmallModel::Encoder(encoder) => by_angle(served, encoder, pairs, retry_after).await,
        SmallModel::Classifier(classifier) if classifier.labels().len() == 1 => {
            by_judge(served, classifier, pairs, retry_after).await
        }
        SmallModel::Classifier(_) => Err(served.cannot()),
    }
}

async fn by_judge(
    served: &ServedSmallModel,
    classifier: &Classifier,
    pairs: Pairs,
    retry_after: Duration,
) -> Result<(Vec<f32>, u32), ApiError> {
    let (own, field, overlong) = (classifier.clone(), pairs.fields.1, pairs.overlong);
    let encode = move || {
        let Pairs { left, right, .. } = pairs;
        let firsts = left.iter().cycle();
        let encoded = firsts
            .zip(right)
            .enumerate()
            .map(|(index, (text, beside))| {
                let input = ClassifierInput {
                    text: text.clone(),
                    beside: Some(beside),
                };
                let encoded = own.encode(&input, overlong);
                encoded.map_err(|error| (index, error))
            });
        encoded.collect::<Result<Vec<_>, (usize, EncodeError)>>()
    };
    let encoded = served.prepare(encode).await?;
    let encoded = encoded.map_err(|(index, error)| {
        ApiError::encode(&error, Some(&format!("{field}[{index}]")), retry_after)
    })?;
    let tokens = count(&encoded);
    let scores = classifier.classify_encoded(encoded).await;
    let scores = scores.map_err(|error| ApiError::encode(&error, None, retry_after))?;
    let first = |scores: &LabelScores| scores.scores.first().copied();
    Ok((scores.iter().filter_map(first).collect(), tokens))
}

async fn by_angle(
    served: &ServedSmallModel,
    encoder: &Encoder,
    pairs: Pairs,
    retry_after: Duration,
) -> Result<(Vec<f32>, u32), ApiError> {
    let (own, fields) = (encoder.clone(), pairs.fields);
    let left_count = pairs.left.len();
    let place = |index: usize| match index.checked_sub(left_count) {
        None if left_count == 1 => fields.0.to_owned(),
        None => format!("{}[{index}]", fields.0),
        Some(index) => format!("{}[{index}]", fields.1),
    };
    let encoded = served.prepare(move || encode(&own, &pairs)).await?;
    let encoded = encoded
        .map_err(|(index, error)| ApiError::encode(&error, Some(&place(index)), retry_after))?;
    let tokens = count(&encoded);
    let vectors = encoder.embed_encoded(encoded).await;
    let vectors = vectors.map_err(|error| ApiError::encode(&error, None, retry_after))?;
    let (left, right) = vectors.split_at(left_count);
    let scores = left.iter().cycle().zip(right);
    Ok((scores.map(|(a, b)| cosine(a, b)).collect(), tokens))
}

/// All texts, the firsts before the seconds.
fn encode(encoder: &Encoder, pairs: &Pairs) -> Result<Vec<EncodedText>, (usize, EncodeError)> {
    let prompt = |names: &[&'static str]| {
        let known = |name: &&&str| pairs.asks && encoder.prompts().any(|p| p == **name);
        names.iter().find(known).copied()
    };
    let (question, passage) = (prompt(QUESTION), prompt(PASSAGE));
    let left = pairs.left.iter().map(|text| (text, question));
    let all = left.chain(pairs.right.iter().map(|text| (text, passage)));
    let encoded = all.enumerate().map(|(index, (text, prompt))| {
        let encoded = encoder.encode(text, prompt, pairs.overlong);
        encoded.map_err(|error| (index, error))
    });
    encoded.collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    dot(a, b) / lengths.max(1e-12)
}
