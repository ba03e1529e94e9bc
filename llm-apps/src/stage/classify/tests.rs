//! Labels by a classifier and by examples.

use std::sync::Arc;

use engine::{ClassifierInput, EncodeError, LabelScores};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::{ClassifyBy, ClassifyOptions, ClassifyStage, LabelThreshold, TextClassifier};
use crate::payload::{Kind, Payload};
use crate::stage::{Call, Stage, StageError};
use crate::vector::TextEncoder;

/// Likes texts with `great` in them.
#[derive(Debug)]
struct Moods(Vec<String>);

impl TextClassifier for Moods {
    fn labels(&self) -> &[String] {
        &self.0
    }

    fn classify(
        &self,
        inputs: Vec<ClassifierInput>,
    ) -> BoxFuture<'_, Result<Vec<LabelScores>, EncodeError>> {
        let scores = inputs.into_iter().map(|input| {
            if input.text == "ended" {
                return Err(EncodeError::ShuttingDown);
            }
            let good = if input.text.contains("great") {
                0.75
            } else {
                0.25
            };
            Ok(LabelScores {
                logits: vec![0.0, 0.0],
                scores: vec![1.0 - good, good],
            })
        });
        std::future::ready(scores.collect()).boxed()
    }
}

/// A vector is how many `a`s, `b`s and `c`s a text has.
#[derive(Debug)]
struct Letters;

impl TextEncoder for Letters {
    fn embed(&self, texts: Vec<String>) -> BoxFuture<'_, Result<Vec<Vec<f32>>, EncodeError>> {
        let count = |text: &String, letter| text.matches(letter).count() as f32;
        let vector = |text| vec![count(text, 'a'), count(text, 'b'), count(text, 'c')];
        std::future::ready(Ok(texts.iter().map(vector).collect())).boxed()
    }

    fn count_tokens(&self, text: &str) -> Result<usize, EncodeError> {
        Ok(text.len())
    }
}

fn options(by: ClassifyBy, threshold: Option<(f32, &str)>) -> ClassifyOptions {
    ClassifyOptions {
        by,
        input: "question".to_owned(),
        output: "label".to_owned(),
        scores: "scores".to_owned(),
        threshold: threshold.map(|(least, otherwise)| LabelThreshold {
            least,
            otherwise: otherwise.to_owned(),
        }),
    }
}

fn classifier(threshold: Option<(f32, &str)>) -> ClassifyStage {
    let labels = vec!["NEGATIVE".to_owned(), "POSITIVE".to_owned()];
    let options = options(ClassifyBy::Classifier("moods".to_owned()), threshold);
    ClassifyStage::with_classifier(options, Arc::new(Moods(labels)))
}

async fn examples(threshold: Option<(f32, &str)>) -> ClassifyStage {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let by = ClassifyBy::Examples {
        encoder: "letters".to_owned(),
        labels: vec![
            ("first".to_owned(), texts(&["a", "aab"])),
            ("second".to_owned(), texts(&["b"])),
        ],
    };
    let stage = ClassifyStage::with_examples(options(by, threshold), Arc::new(Letters));
    stage.await.unwrap()
}

async fn ask(stage: &ClassifyStage, question: &str) -> Result<(Value, Value), StageError> {
    let mut payload = Payload::new();
    payload.set("question", question);
    let made = stage.call(payload, &Call::new("r")).await?;
    let read = |name| made.get(name).cloned().unwrap();
    Ok((read("label"), read("scores")))
}

#[tokio::test]
async fn a_classifier_s_best_label_is_written_with_the_scores_of_all() {
    let stage = classifier(None);
    let (label, scores) = ask(&stage, "This is great!").await.unwrap();
    assert_eq!(label, "POSITIVE");
    assert_eq!(scores.to_string(), r#"{"POSITIVE":0.75,"NEGATIVE":0.25}"#);
    assert_eq!(ask(&stage, "Well.").await.unwrap().0, "NEGATIVE");
    let strict = classifier(Some((0.8, "UNSURE")));
    let (label, scores) = ask(&strict, "This is great!").await.unwrap();
    assert_eq!(label, "UNSURE");
    assert_eq!(scores["POSITIVE"], json!(0.75));
}

#[tokio::test]
async fn the_nearest_example_decides() {
    let stage = examples(None).await;
    for (text, label) in [
        ("aaaa", "first"),
        ("bbb", "second"),
        ("abb", "second"),
        ("aab aab", "first"),
    ] {
        assert_eq!(ask(&stage, text).await.unwrap().0, label, "{text}");
    }
    let (_, scores) = ask(&stage, "aab").await.unwrap();
    let score = |label: &str| scores[label].as_f64().unwrap();
    assert!((score("first") - 1.0).abs() < 1e-6, "{scores}");
    assert!(
        (score("second") - 1.0 / 5.0_f64.sqrt()).abs() < 1e-6,
        "{scores}"
    );
}

#[tokio::test]
async fn what_no_example_is_near_to_has_the_other_label() {
    let stage = examples(Some((0.5, "other"))).await;
    assert_eq!(ask(&stage, "ccc").await.unwrap().0, "other");
    assert_eq!(ask(&stage, "").await.unwrap().0, "other");
    assert_eq!(ask(&stage, "bc").await.unwrap().0, "second");
}

#[tokio::test]
async fn a_classifier_that_is_going_away_is_unavailable() {
    let error = ask(&classifier(None), "ended").await.unwrap_err();
    assert!(matches!(error, StageError::Unavailable(_)), "{error}");
    let payload = Payload::new();
    let error = classifier(None)
        .call(payload, &Call::new("r"))
        .await
        .unwrap_err();
    assert!(matches!(error, StageError::Invalid { .. }), "{error}");
}

#[tokio::test]
async fn it_reads_a_text_and_writes_a_label_and_scores() {
    let signature = classifier(None).options.signature();
    assert_eq!(signature.reads["question"], Kind::Text);
    assert_eq!(signature.writes["label"], Kind::Text);
    assert_eq!(signature.writes["scores"], Kind::Object);
}
