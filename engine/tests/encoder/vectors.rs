//! Vectors as the reference has them, alone and in company.

use std::thread;
use std::time::Duration;

use engine::{EncodeError, Encoder, EncoderConfig};
use serde::Deserialize;

use crate::{folder, wait};

/// Largest difference of a number from the reference's, which is written with six digits.
const TOLERANCE: f32 = 5e-6;
/// Largest difference that batch-mates make.
const BATCH_TOLERANCE: f32 = 1e-5;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    text: String,
    tokens: usize,
    vector: Vec<f32>,
}

fn golden() -> Vec<Case> {
    let golden: Golden = serde_json::from_str(include_str!("../golden/encoder.json")).unwrap();
    golden.cases
}

fn open(config: EncoderConfig) -> Encoder {
    Encoder::open(&folder(), &config).unwrap()
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

#[test]
fn vectors_are_the_reference_s_alone_and_in_company() {
    let encoder = open(EncoderConfig::default());
    assert_eq!((encoder.dimension(), encoder.max_seq_length()), (384, 256));
    let golden = golden();
    let alone: Vec<Vec<f32>> = golden
        .iter()
        .map(|case| {
            wait(encoder.embed(vec![case.text.clone()]))
                .unwrap()
                .remove(0)
        })
        .collect();
    for (case, vector) in golden.iter().zip(&alone) {
        let distance = distance(vector, &case.vector);
        assert!(distance <= TOLERANCE, "{:?}: {distance}", case.text);
        assert_eq!(
            encoder.count_tokens(&case.text).unwrap(),
            case.tokens,
            "{:?}",
            case.text
        );
    }
    // Twice each, so that groups are fuller, in an order that is not that of the lengths.
    let texts: Vec<String> = golden
        .iter()
        .chain(&golden)
        .map(|case| case.text.clone())
        .collect();
    let together = wait(encoder.embed(texts)).unwrap();
    for (index, vector) in together.iter().enumerate() {
        let distance = distance(vector, &alone[index % golden.len()]);
        assert!(distance <= BATCH_TOLERANCE, "text {index}: {distance}");
    }
}

#[test]
fn callers_are_batched_and_each_gets_its_own() {
    let encoder = open(EncoderConfig {
        max_batch_size: 4,
        batch_wait_timeout: Duration::from_millis(20),
        max_queued: 2,
    });
    let golden = golden();
    thread::scope(|scope| {
        for case in &golden {
            let encoder = encoder.clone();
            scope.spawn(move || {
                let texts = vec![case.text.clone(), "company".to_owned(), case.text.clone()];
                let vectors = wait(encoder.embed(texts)).unwrap();
                for vector in [&vectors[0], &vectors[2]] {
                    assert!(
                        distance(vector, &case.vector) <= BATCH_TOLERANCE,
                        "{:?}",
                        case.text
                    );
                }
            });
        }
    });
    assert!(wait(encoder.embed(Vec::new())).unwrap().is_empty());
}

#[test]
fn a_text_of_many_bytes_and_a_closed_encoder_are_refused() {
    let encoder = open(EncoderConfig::default());
    let long = "x".repeat((1 << 20) + 1);
    let error = wait(encoder.embed(vec!["a".to_owned(), long])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "text 1 has 1048577 bytes, but at most 1048576 are encoded"
    );
    // A caller that leaves takes its texts along.
    drop(encoder.embed(vec!["never asked for".to_owned()]));
    encoder.shutdown();
    encoder.shutdown();
    assert_eq!(
        wait(encoder.embed(vec!["a".to_owned()])),
        Err(EncodeError::ShuttingDown)
    );
}
