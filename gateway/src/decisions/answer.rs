//! The answer of `POST /v1/decisions`.

use serde::Serialize;
use serde_json::Value;

use super::question::{Kind, Question};
use super::request::DecisionRequest;
use crate::generation::WholeChoice;
use crate::openai::Usage;

/// Answers in the order of the questions.
#[derive(Debug, Serialize)]
pub(crate) struct Decision {
    model: String,
    answers: Vec<Answer>,
    usage: Tokens,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Answer {
    Predicate {
        name: Option<String>,
        probability: f64,
    },
    Choice {
        name: Option<String>,
        choice: Value,
        probabilities: Vec<ChoiceProbability>,
        confidence: f64,
    },
    Score {
        name: Option<String>,
        score: f64,
        probabilities: Vec<LevelProbability>,
        confidence: f64,
    },
}

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct ChoiceProbability {
    value: Value,
    probability: f64,
}

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct LevelProbability {
    value: usize,
    label: String,
    probability: f64,
}

#[derive(Debug, Serialize)]
struct Tokens {
    input_tokens: u32,
    input_tokens_details: InputDetails,
    output_tokens: u32,
    output_tokens_details: OutputDetails,
    total_tokens: u32,
}

#[derive(Debug, Serialize)]
struct InputDetails {
    cached_tokens: u32,
    cache_write_tokens: u32,
}

#[derive(Debug, Serialize)]
struct OutputDetails {
    reasoning_tokens: u32,
}

impl Decision {
    /// `choices` are the answers of the model, one for each question; `None` if one has no
    /// probabilities.
    pub(crate) fn new(
        model: String,
        request: &DecisionRequest,
        choices: &[WholeChoice],
        usage: &Usage,
    ) -> Option<Self> {
        let answers = request.questions.iter().zip(choices);
        let answers = answers.map(|(question, choice)| {
            let scored = choice.tokens.first()?.logprobs.as_ref()?;
            let labels: Vec<_> = scored.top.iter().map(|label| label.logprob).collect();
            Answer::new(question, &labels)
        });
        let (input_tokens, cached_tokens, output_tokens) = usage.counts();
        Some(Self {
            model,
            answers: answers.collect::<Option<_>>()?,
            usage: Tokens {
                input_tokens,
                input_tokens_details: InputDetails {
                    cached_tokens,
                    cache_write_tokens: 0,
                },
                output_tokens,
                output_tokens_details: OutputDetails {
                    reasoning_tokens: 0,
                },
                total_tokens: input_tokens.saturating_add(output_tokens),
            },
        })
    }
}

impl Answer {
    /// From the log-probabilities of the question's labels among all tokens.
    pub(super) fn new(question: &Question, labels: &[f32]) -> Option<Self> {
        let name = question.name.clone();
        let shares: Vec<f64> = labels.iter().map(|&label| f64::from(label).exp()).collect();
        let sum: f64 = shares.iter().sum();
        let even = 1.0 / shares.len() as f64;
        // Where the model gives no label a chance, none is likelier than another.
        let scaled = |share: &f64| if sum > 0.0 { share / sum } else { even };
        let probabilities: Vec<f64> = shares.iter().map(scaled).collect();
        let best = (0..shares.len()).max_by(|&a, &b| {
            let (of_a, of_b) = (probabilities[a], probabilities[b]);
            // The first of equals.
            of_a.total_cmp(&of_b).then(b.cmp(&a))
        })?;
        Some(match &question.kind {
            Kind::Predicate => Self::Predicate {
                name,
                probability: *probabilities.first()?,
            },
            Kind::Choice(choices) => Self::Choice {
                name,
                choice: choices.get(best)?.value.clone(),
                probabilities: choices
                    .iter()
                    .zip(&probabilities)
                    .map(|(choice, &probability)| ChoiceProbability {
                        value: choice.value.clone(),
                        probability,
                    })
                    .collect(),
                confidence: shares[best],
            },
            Kind::Score(levels) => Self::Score {
                name,
                score: (0_u32..)
                    .zip(&probabilities)
                    .map(|(at, p)| f64::from(at) * p)
                    .sum(),
                probabilities: levels
                    .iter()
                    .zip(&probabilities)
                    .enumerate()
                    .map(|(value, (level, &probability))| LevelProbability {
                        value,
                        label: level.label.clone(),
                        probability,
                    })
                    .collect(),
                confidence: shares[best],
            },
        })
    }
}
