//! What tells labels.

use std::fmt;

use engine::{Classifier, ClassifierInput, EncodeError, LabelScores};
use futures::FutureExt;
use futures::future::BoxFuture;

/// Tells how well labels fit to texts, or to pairs of texts. The engine's classifier is one, which
/// batches what is asked of it at the same time; tests have theirs.
pub trait TextClassifier: fmt::Debug + Send + Sync {
    /// The labels in the order of their scores, at least one.
    fn labels(&self) -> &[String];

    /// What it says of some texts, in their order.
    fn classify(
        &self,
        inputs: Vec<ClassifierInput>,
    ) -> BoxFuture<'_, Result<Vec<LabelScores>, EncodeError>>;
}

impl TextClassifier for Classifier {
    fn labels(&self) -> &[String] {
        Self::labels(self)
    }

    fn classify(
        &self,
        inputs: Vec<ClassifierInput>,
    ) -> BoxFuture<'_, Result<Vec<LabelScores>, EncodeError>> {
        Self::classify(self, inputs).boxed()
    }
}
