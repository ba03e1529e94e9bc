//! Passages in another order.

use std::sync::Arc;

use engine::{ClassifierInput, EncodeError, LabelScores};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::{RerankBy, RerankOptions, RerankStage};
use crate::payload::Payload;
use crate::stage::classify::TextClassifier;
use crate::stage::{Call, Stage, StageError};
use crate::vector::TextEncoder;

/// The share of the question's words that a passage has.
#[derive(Debug)]
struct Shared(Vec<String>);

impl TextClassifier for Shared {
    fn labels(&self) -> &[String] {
        &self.0
    }

    fn classify(
        &self,
        inputs: Vec<ClassifierInput>,
    ) -> BoxFuture<'_, Result<Vec<LabelScores>, EncodeError>> {
        let score = |input: ClassifierInput| {
            let passage = input.beside.unwrap();
            let words: Vec<_> = input.text.split(' ').collect();
            let there = words.iter().filter(|word| passage.contains(**word)).count();
            LabelScores {
                logits: vec![0.0],
                scores: vec![there as f32 / words.len() as f32],
            }
        };
        std::future::ready(Ok(inputs.into_iter().map(score).collect())).boxed()
    }
}

/// A vector is how many `a`s and `b`s a text has.
#[derive(Debug)]
struct Letters;

impl TextEncoder for Letters {
    fn embed(&self, texts: Vec<String>) -> BoxFuture<'_, Result<Vec<Vec<f32>>, EncodeError>> {
        let count = |text: &String, letter| text.matches(letter).count() as f32;
        let vectors = texts
            .iter()
            .map(|text| vec![count(text, 'a'), count(text, 'b')]);
        std::future::ready(Ok(vectors.collect())).boxed()
    }

    fn count_tokens(&self, text: &str) -> Result<usize, EncodeError> {
        Ok(text.len())
    }
}

fn options(by: RerankBy, top_k: Option<usize>, score_threshold: Option<f32>) -> RerankOptions {
    RerankOptions {
        by,
        query: "question".to_owned(),
        passages: "passages".to_owned(),
        top_k,
        score_threshold,
    }
}

fn classifier(top_k: Option<usize>, score_threshold: Option<f32>) -> RerankStage {
    let by = RerankBy::Classifier("shared".to_owned());
    let shared = Arc::new(Shared(vec!["LABEL_0".to_owned()]));
    RerankStage::with_classifier(options(by, top_k, score_threshold), shared).unwrap()
}

fn passages(texts: &[&str]) -> Value {
    let passage = |text: &&str| json!({"id": text, "text": text, "source": "s", "score": 9.5});
    texts.iter().map(passage).collect()
}

async fn rerank(stage: &RerankStage, question: &str, found: Value) -> Result<Value, StageError> {
    let mut payload = Payload::new();
    payload.set("question", question);
    payload.set("passages", found);
    let made = stage.call(payload, &Call::new("r")).await?;
    Ok(made.get("passages").cloned().unwrap())
}

fn ids(passages: &Value) -> Vec<&str> {
    let passages = passages.as_array().unwrap();
    passages.iter().map(|p| p["id"].as_str().unwrap()).collect()
}

const FOUND: [&str; 4] = ["nothing", "money", "money back", "back money"];

#[tokio::test]
async fn the_best_come_first_with_new_scores() {
    let made = rerank(&classifier(None, None), "money back", passages(&FOUND))
        .await
        .unwrap();
    assert_eq!(ids(&made), ["money back", "back money", "money", "nothing"]);
    assert_eq!(made[2]["score"], json!(0.5));
    assert_eq!(made[2]["source"], "s");
    let empty = rerank(&classifier(None, None), "money", json!([]))
        .await
        .unwrap();
    assert_eq!(empty, json!([]));
}

#[tokio::test]
async fn few_are_kept_and_none_below_the_threshold() {
    let made = rerank(&classifier(Some(1), None), "money back", passages(&FOUND))
        .await
        .unwrap();
    assert_eq!(ids(&made), ["money back"]);
    let kept = classifier(Some(9), Some(0.5));
    let made = rerank(&kept, "money back", passages(&FOUND)).await.unwrap();
    assert_eq!(ids(&made), ["money back", "back money", "money"]);
}

#[tokio::test]
async fn an_encoder_compares_by_cosine() {
    let by = RerankBy::Encoder("letters".to_owned());
    let stage = RerankStage::with_encoder(options(by, None, Some(0.1)), Arc::new(Letters));
    let made = rerank(&stage, "aaa", passages(&["bbb", "ab", "a", "c"]))
        .await
        .unwrap();
    assert_eq!(ids(&made), ["a", "ab"]);
    assert_eq!(made[0]["score"], json!(1.0));
}

#[tokio::test]
async fn a_classifier_of_several_labels_judges_no_pairs() {
    let labels = vec!["NEGATIVE".to_owned(), "POSITIVE".to_owned()];
    let by = RerankBy::Classifier("moods".to_owned());
    let refused = RerankStage::with_classifier(options(by, None, None), Arc::new(Shared(labels)));
    let said = "the classifier `moods` cannot order passages: it has 2 labels (NEGATIVE, POSITIVE), and \
                one that judges pairs has a single one";
    assert_eq!(refused.unwrap_err().to_string(), said);
}

#[tokio::test]
async fn what_is_no_passage_is_the_requests_fault() {
    for found in [
        json!("text"),
        json!([1]),
        json!([{"id": "1"}]),
        passages(&["a"; 1025]),
    ] {
        let error = rerank(&classifier(None, None), "q", found)
            .await
            .unwrap_err();
        assert!(matches!(error, StageError::Invalid { .. }), "{error}");
    }
}
