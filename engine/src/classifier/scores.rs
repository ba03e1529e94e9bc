//! What a model says of a text.

/// How well each label fits a text, in the order of [`Classifier::labels`](super::Classifier::labels).
#[derive(Debug, Clone, PartialEq)]
pub struct LabelScores {
    /// What the model's head says.
    pub logits: Vec<f32>,
    /// The same between 0 and 1, as `transformers` shows it: shares of 1 where labels exclude each
    /// other, else each by itself (sigmoid). The logits of a regression.
    pub scores: Vec<f32>,
}

/// From logits to scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    Softmax,
    Sigmoid,
    None,
}

impl LabelScores {
    /// The best label's index and score; the first of several.
    pub fn best(&self) -> Option<(usize, f32)> {
        let scores = self.scores.iter().copied().enumerate();
        scores.reduce(|best, next| if next.1 > best.1 { next } else { best })
    }

    pub(super) fn of(logits: Vec<f32>, scale: Scale) -> Self {
        let scores = match scale {
            Scale::None => logits.clone(),
            Scale::Sigmoid => logits.iter().map(|l| 1.0 / (1.0 + (-l).exp())).collect(),
            Scale::Softmax => {
                let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let parts: Vec<f32> = logits.iter().map(|logit| (logit - most).exp()).collect();
                let sum: f32 = parts.iter().sum();
                parts.into_iter().map(|part| part / sum).collect()
            }
        };
        Self { logits, scores }
    }
}

#[cfg(test)]
mod tests {
    use super::{LabelScores, Scale};

    #[test]
    fn scores_are_shares_of_one_or_each_by_itself() {
        let logits = vec![1.0, 1.0 + 3.0_f32.ln(), -1e30];
        let near = |found: &[f32], wanted: [f32; 3]| {
            found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6)
        };
        let shares = LabelScores::of(logits.clone(), Scale::Softmax);
        assert!(near(&shares.scores, [0.25, 0.75, 0.0]), "{shares:?}");
        assert_eq!(shares.best().map(|(index, _)| index), Some(1));
        let each = LabelScores::of(vec![0.0, 3.0_f32.ln(), -1e30], Scale::Sigmoid);
        assert!(near(&each.scores, [0.5, 0.75, 0.0]), "{each:?}");
        assert_eq!(LabelScores::of(logits.clone(), Scale::None).scores, logits);
    }
}
