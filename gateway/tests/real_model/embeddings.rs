//! all-MiniLM-L6-v2 as clients ask it: the vectors of sentence-transformers, and the official client.

use std::path::Path;
use std::process::Command;

use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Server, required};

/// What `golden/make_embeddings.py` wrote.
#[derive(Deserialize)]
struct Golden {
    /// What rounding costs, in cosine.
    rounding: f32,
    /// A sentence, and its vector's direction as base64 of signed bytes.
    sentences: Vec<(String, String)>,
}

fn server() -> Server {
    let source = required("PENSTOCK_TEST_EMBEDDER");
    let text = format!(
        "encoders:\n  - name: minilm\n    source: {source}\n    max_batch_size: 16\n    batch_wait_timeout_s: 0.002\n"
    );
    Server::configured(TempDir::new().unwrap(), &text)
}

/// The signed bytes behind base64.
fn directions(text: &str) -> Vec<f32> {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sixes: Vec<usize> = text
        .trim_end_matches('=')
        .chars()
        .map(|c| LETTERS.find(c).unwrap())
        .collect();
    let bytes = sixes.chunks(4).flat_map(|four| {
        let bits = four.iter().fold(0, |bits, six| bits << 6 | six) << (6 * (4 - four.len()));
        (0..four.len() - 1).map(move |byte| u8::try_from(bits >> (16 - 8 * byte) & 255).unwrap())
    });
    bytes.map(|byte| f32::from(byte.cast_signed())).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let dot = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

async fn embed(server: &Server, input: &Value) -> Vec<Vec<f32>> {
    let url = format!("{}/v1/embeddings", server.url);
    // Some of the sentences are longer than the model sees, which sentence-transformers cuts.
    let body = json!({"model": "minilm", "input": input, "truncate_prompt_tokens": -1});
    let response = Client::new().post(url).json(&body).send().await.unwrap();
    let told: Value = response.json().await.unwrap();
    let data = told["data"].as_array().unwrap_or_else(|| panic!("{told}"));
    let vector = |item: &Value| serde_json::from_value(item["embedding"].clone()).unwrap();
    data.iter().map(vector).collect()
}

#[tokio::test]
async fn two_hundred_sentences_have_the_vectors_of_sentence_transformers() {
    let golden: Golden = serde_json::from_str(include_str!("golden/embeddings.json")).unwrap();
    assert_eq!(golden.sentences.len(), 200);
    assert!(golden.rounding < 1e-4);
    let server = server();
    let texts: Vec<_> = golden.sentences.iter().map(|(text, _)| text).collect();
    let vectors = embed(&server, &json!(texts)).await;
    let mut least: f32 = 1.0;
    for ((text, direction), vector) in golden.sentences.iter().zip(&vectors) {
        let norm = vector.iter().map(|x| x * x).sum::<f32>();
        assert!((norm - 1.0).abs() < 1e-4, "{text}: {norm}");
        let cosine = cosine(vector, &directions(direction));
        assert!(cosine > 0.999, "{text}: {cosine}");
        least = least.min(cosine);
    }
    // Nothing but the rounding of the file stands between them.
    assert!(1.0 - least < golden.rounding + 1e-5, "{least}");
    assert!(server.terminate().success());
}

#[tokio::test]
async fn token_ids_are_the_text_that_they_stand_for() {
    let server = server();
    // [CLS] the cat sits outside [SEP]
    let ids = json!([[101, 1996, 4937, 7719, 2648, 102], [101, 2773, 102]]);
    let of_ids = embed(&server, &ids).await;
    let of_texts = embed(&server, &json!(["The cat sits outside", "word"])).await;
    for (a, b) in of_ids.iter().zip(&of_texts) {
        assert!(cosine(a, b) > 0.99999);
    }
    assert!(cosine(&of_ids[0], &of_ids[1]) < 0.9);
    assert!(server.terminate().success());
}

#[test]
fn openai_python_reads_vectors() {
    let server = server();
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/openai_python_embeddings.py");
    let mut python = Command::new(required("PENSTOCK_TEST_PYTHON"));
    let output = python
        .arg(script)
        .arg(format!("{}/v1", server.url))
        .arg("minilm");
    let output = output.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
