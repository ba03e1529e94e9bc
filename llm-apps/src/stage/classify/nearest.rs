//! Labels by examples: the nearest one decides.

use std::fmt;
use std::sync::Arc;

use crate::stage::StageError;
use crate::vector::TextEncoder;

/// Examples of labels, as vectors.
pub(super) struct Nearest {
    encoder: Arc<dyn TextEncoder>,
    /// Each label with the vectors of its examples, of length 1.
    labels: Vec<(String, Vec<Vec<f32>>)>,
}

impl Nearest {
    /// Encodes the examples.
    pub(super) async fn new(
        labels: &[(String, Vec<String>)],
        encoder: Arc<dyn TextEncoder>,
    ) -> Result<Self, StageError> {
        let examples = labels.iter().flat_map(|(_, texts)| texts.iter().cloned());
        let vectors = encoder.embed(examples.collect()).await?;
        let mut vectors = vectors.into_iter().map(unit);
        let labels = labels.iter().map(|(label, texts)| {
            let examples = vectors.by_ref().take(texts.len());
            (label.clone(), examples.collect())
        });
        Ok(Self {
            labels: labels.collect(),
            encoder,
        })
    }

    /// Each label with the cosine of its nearest example.
    pub(super) async fn scores(&self, text: &str) -> Result<Vec<(String, f32)>, StageError> {
        let vectors = self.encoder.embed(vec![text.to_owned()]).await?;
        let vector = vectors.into_iter().next().map(unit).unwrap_or_default();
        let nearest = |(label, examples): &(String, Vec<Vec<f32>>)| {
            let cosines = examples.iter().map(|example| dot(example, &vector));
            (label.clone(), cosines.fold(-1.0, f32::max))
        };
        Ok(self.labels.iter().map(nearest).collect())
    }
}

impl fmt::Debug for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = self.labels.iter().map(|(label, _)| label);
        f.debug_list().entries(labels).finish()
    }
}

/// A vector scaled to length 1; one of zeros stays.
pub(in crate::stage) fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = dot(&vector, &vector).sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|number| *number /= length);
    }
    vector
}

/// The cosine of two vectors of length 1.
pub(in crate::stage) fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
