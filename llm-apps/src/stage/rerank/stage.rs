//! The stage.

use std::sync::Arc;

use engine::ClassifierInput;
use serde_json::{Map, Value};

use super::options::RerankOptions;
use crate::payload::{Payload, VariableError};
use crate::stage::classify::{TextClassifier, dot, unit};
use crate::stage::{Call, Stage, StageError};
use crate::vector::TextEncoder;

/// The text of a passage, and the passage.
type Found = (String, Map<String, Value>);

/// Orders passages.
#[derive(Debug)]
pub struct RerankStage {
    options: RerankOptions,
    by: By,
}

#[derive(Debug)]
enum By {
    Classifier(Arc<dyn TextClassifier>),
    Encoder(Arc<dyn TextEncoder>),
}

/// Most passages of one call.
const MAX_PASSAGES: usize = 1024;

impl RerankStage {
    /// Whether it takes an answer that is still being made.
    pub const TAKES_STREAM: bool = false;

    /// A stage that asks `classifier`.
    ///
    /// # Errors
    /// [`StageError::Failed`] where it has more than one label: it is no cross-encoder.
    pub fn with_classifier(
        options: RerankOptions,
        classifier: Arc<dyn TextClassifier>,
    ) -> Result<Self, StageError> {
        let labels = classifier.labels();
        if labels.len() != 1 {
            let name = options.classifier().unwrap_or_default();
            return Err(StageError::Failed(format!(
                "the classifier `{name}` cannot order passages: it has {} labels ({}), and one that \
                 judges pairs has a single one",
                labels.len(),
                labels
                    .iter()
                    .take(5)
                    .cloned()
                    .collect::<Vec<_>>()
                    .join(", ")
            )));
        }
        Ok(Self {
            options,
            by: By::Classifier(classifier),
        })
    }

    /// A stage that compares vectors of `encoder`.
    pub fn with_encoder(options: RerankOptions, encoder: Arc<dyn TextEncoder>) -> Self {
        Self {
            options,
            by: By::Encoder(encoder),
        }
    }

    /// The passages as they are, each a named value with a text.
    fn passages(&self, payload: &Payload) -> Result<Vec<Found>, StageError> {
        let name = &self.options.passages;
        let found: Vec<Map<String, Value>> = payload.read(name)?;
        let count = found.len();
        if count > MAX_PASSAGES {
            return Err(StageError::Invalid {
                message: format!(
                    "`{name}` has {count} passages, but at most {MAX_PASSAGES} are ordered at a time"
                ),
                param: Some(name.clone()),
            });
        }
        let with_text = |passage: Map<String, Value>| match passage.get("text") {
            Some(Value::String(text)) => Ok((text.clone(), passage)),
            _ => Err(VariableError::Kind {
                name: name.clone(),
                wanted: "passages, each with a `text`".to_owned(),
                found: Value::Object(passage)
                    .to_string()
                    .chars()
                    .take(80)
                    .collect(),
            }),
        };
        let passages: Result<_, VariableError> = found.into_iter().map(with_text).collect();
        Ok(passages?)
    }

    /// How well each text answers.
    async fn scores(&self, query: &str, texts: Vec<String>) -> Result<Vec<f32>, StageError> {
        match &self.by {
            By::Classifier(classifier) => {
                let pair = |text| ClassifierInput {
                    text: query.to_owned(),
                    beside: Some(text),
                };
                let found = classifier
                    .classify(texts.into_iter().map(pair).collect())
                    .await?;
                let first = |found: &engine::LabelScores| found.scores.first().copied();
                Ok(found.iter().filter_map(first).collect())
            }
            By::Encoder(encoder) => {
                let mut all = texts;
                all.push(query.to_owned());
                let mut vectors = encoder.embed(all).await?;
                let query = vectors.pop().map(unit).unwrap_or_default();
                let vectors = vectors.into_iter().map(unit);
                Ok(vectors.map(|vector| dot(&vector, &query)).collect())
            }
        }
    }
}

impl Stage for RerankStage {
    type Input = Payload;
    type Output = Payload;

    async fn call(&self, mut payload: Payload, _: &Call) -> Result<Payload, StageError> {
        let options = &self.options;
        let passages = self.passages(&payload)?;
        let texts = passages.iter().map(|(text, _)| text.clone()).collect();
        let scores = self.scores(payload.text(&options.query)?, texts).await?;
        let mut scored: Vec<_> = scores.into_iter().zip(passages).collect();
        if let Some(least) = options.score_threshold {
            scored.retain(|(score, _)| *score >= least);
        }
        // Of equals the first stays first.
        scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        scored.truncate(options.top_k.unwrap_or(usize::MAX));
        let ordered = scored.into_iter().map(|(score, (_, mut passage))| {
            passage.insert("score".to_owned(), score.into());
            Value::Object(passage)
        });
        payload.set(&options.passages, ordered.collect::<Value>());
        Ok(payload)
    }
}
