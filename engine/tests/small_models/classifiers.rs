//! Labels as the reference has them, alone and in company; and the same models as encoders.

use std::thread;
use std::time::Duration;

use engine::{Classifier, ClassifierInput, EncodeError, Encoder, EncoderConfig};
use serde::Deserialize;

use crate::{checkpoint, distance, golden, wait};

/// Largest difference of a logit, a score or a number of a vector from the reference's.
const TOLERANCE: f32 = 1e-4;
/// Each kind: DistilBERT with a vocabulary only, a BERT for pairs, RoBERTa.
const CHECKPOINTS: [(&str, &[&str]); 3] = [
    ("sentiment", &["NEGATIVE", "POSITIVE"]),
    ("relevance", &["LABEL_0"]),
    ("topics", &["money", "delivery", "account"]),
];

#[derive(Deserialize)]
struct Case {
    text: String,
    beside: Option<String>,
    logits: Vec<f32>,
    scores: Vec<f32>,
    vector: Vec<f32>,
}

impl Case {
    fn input(&self) -> ClassifierInput {
        ClassifierInput {
            text: self.text.clone(),
            beside: self.beside.clone(),
        }
    }
}

fn open(name: &str, config: EncoderConfig) -> Classifier {
    Classifier::open(&checkpoint(name), &config).unwrap()
}

#[test]
fn logits_and_scores_are_the_reference_s_alone_and_in_company() {
    for (name, labels) in CHECKPOINTS {
        let classifier = open(name, EncoderConfig::default());
        assert_eq!(classifier.labels(), labels);
        assert_eq!(classifier.max_seq_length(), 64);
        let golden: Vec<Case> = golden(name);
        let inputs: Vec<_> = golden.iter().map(Case::input).collect();
        let together = wait(classifier.classify(inputs)).unwrap();
        for (case, together) in golden.iter().zip(&together) {
            let alone = wait(classifier.classify(vec![case.input()])).unwrap();
            for found in [together, &alone[0]] {
                let apart = distance(&found.logits, &case.logits);
                assert!(apart <= TOLERANCE, "{name}, {:?}: {apart}", case.text);
                let apart = distance(&found.scores, &case.scores);
                assert!(apart <= TOLERANCE, "{name}, {:?}: {apart}", case.text);
            }
        }
    }
}

#[test]
fn the_sentiment_of_a_sentence_is_told() {
    let classifier = open("sentiment", EncoderConfig::default());
    for (text, label) in [
        ("This is great!", "POSITIVE"),
        ("The service was excellent and fast.", "POSITIVE"),
        ("this is terrible.", "NEGATIVE"),
        ("I am very unhappy with it.", "NEGATIVE"),
    ] {
        let found = wait(classifier.classify(vec![text.to_owned().into()])).unwrap();
        let (index, score) = found[0].best().unwrap();
        assert_eq!(classifier.labels()[index], label, "{text}");
        assert!(score > 0.9, "{text}: {score}");
    }
}

#[test]
fn callers_are_batched_and_each_gets_its_own() {
    let classifier = open(
        "relevance",
        EncoderConfig {
            max_batch_size: 3,
            batch_wait_timeout: Duration::from_millis(20),
            max_queued: 2,
        },
    );
    let golden: Vec<Case> = golden("relevance");
    thread::scope(|scope| {
        for case in &golden {
            let classifier = classifier.clone();
            scope.spawn(move || {
                let inputs = vec![case.input(), String::new().into(), case.input()];
                let found = wait(classifier.classify(inputs)).unwrap();
                for found in [&found[0], &found[2]] {
                    assert!(distance(&found.logits, &case.logits) <= TOLERANCE);
                }
            });
        }
    });
}

#[test]
fn models_of_the_family_are_encoders_too() {
    for (name, _) in CHECKPOINTS {
        let encoder = Encoder::open(&checkpoint(name), &EncoderConfig::default()).unwrap();
        let golden: Vec<Case> = golden(name);
        let single: Vec<&Case> = golden.iter().filter(|case| case.beside.is_none()).collect();
        assert!(!single.is_empty());
        let texts = single.iter().map(|case| case.text.clone()).collect();
        let vectors = wait(encoder.embed(texts)).unwrap();
        for (case, vector) in single.iter().zip(&vectors) {
            let apart = distance(vector, &case.vector);
            assert!(apart <= TOLERANCE, "{name}, {:?}: {apart}", case.text);
        }
    }
}

#[test]
fn a_text_of_many_bytes_and_a_closed_classifier_are_refused() {
    let classifier = open("sentiment", EncoderConfig::default());
    let half = "x".repeat(1 << 19);
    let pair = ClassifierInput {
        text: half.clone(),
        beside: Some(format!("{half}x")),
    };
    let error = wait(classifier.classify(vec![pair])).unwrap_err();
    let said = "text 0 has 1048577 bytes, but at most 1048576 are encoded";
    assert_eq!(error.to_string(), said);
    drop(classifier.classify(vec!["never asked for".to_owned().into()]));
    classifier.shutdown();
    classifier.shutdown();
    let closed = wait(classifier.classify(vec!["a".to_owned().into()]));
    assert_eq!(closed, Err(EncodeError::ShuttingDown));
}
