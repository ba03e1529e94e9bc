//! The stage.

use std::sync::Arc;

use engine::ClassifierInput;
use serde_json::{Map, Value};

use super::model::TextClassifier;
use super::nearest::Nearest;
use super::options::{ClassifyBy, ClassifyOptions};
use crate::payload::Payload;
use crate::stage::{Call, Stage, StageError};
use crate::vector::TextEncoder;

/// Writes a label into the payload.
#[derive(Debug)]
pub struct ClassifyStage {
    pub(super) options: ClassifyOptions,
    by: By,
}

#[derive(Debug)]
enum By {
    Classifier(Arc<dyn TextClassifier>),
    Nearest(Nearest),
}

impl ClassifyStage {
    /// Whether it takes an answer that is still being made.
    pub const TAKES_STREAM: bool = false;

    /// A stage that asks `classifier`.
    pub fn with_classifier(options: ClassifyOptions, classifier: Arc<dyn TextClassifier>) -> Self {
        Self {
            options,
            by: By::Classifier(classifier),
        }
    }

    /// A stage that compares with the examples of its options, which are encoded now.
    ///
    /// # Errors
    /// What the encoder says.
    pub async fn with_examples(
        options: ClassifyOptions,
        encoder: Arc<dyn TextEncoder>,
    ) -> Result<Self, StageError> {
        let labels = match &options.by {
            ClassifyBy::Examples { labels, .. } => labels.as_slice(),
            ClassifyBy::Classifier(_) => &[],
        };
        let nearest = Nearest::new(labels, encoder).await?;
        Ok(Self {
            options,
            by: By::Nearest(nearest),
        })
    }

    /// Each label with its score, the best first; of equals the first stays first.
    async fn scores(&self, text: &str) -> Result<Vec<(String, f32)>, StageError> {
        let mut scores = match &self.by {
            By::Nearest(nearest) => nearest.scores(text).await?,
            By::Classifier(classifier) => {
                let input = ClassifierInput::from(text.to_owned());
                let found = classifier.classify(vec![input]).await?;
                let scores = found.into_iter().next().map(|found| found.scores);
                let labels = classifier.labels().iter().cloned();
                labels.zip(scores.unwrap_or_default()).collect()
            }
        };
        scores.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        Ok(scores)
    }
}

impl Stage for ClassifyStage {
    type Input = Payload;
    type Output = Payload;

    async fn call(&self, mut payload: Payload, _: &Call) -> Result<Payload, StageError> {
        let scores = self.scores(payload.text(&self.options.input)?).await?;
        let best = scores.first();
        let (best, score) = best.ok_or_else(|| StageError::failed("there are no labels"))?;
        let label = match &self.options.threshold {
            Some(threshold) if *score < threshold.least => &threshold.otherwise,
            _ => best,
        };
        payload.set(&self.options.output, label.as_str());
        let scores: Map<String, Value> = scores.into_iter().map(|(l, s)| (l, s.into())).collect();
        payload.set(&self.options.scores, scores);
        Ok(payload)
    }
}
