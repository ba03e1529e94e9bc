//! Encoders and classifiers by name: vectors, scores and labels, over the small checkpoints of the engine's tests.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::{Classifier, Encoder, EncoderConfig};
use gateway::{GatewayConfig, SmallModel, SmallModelEntry};
use serde_json::{Value, json};

use crate::fixture::{MODEL, Server, new_state, saying, text_model};

/// Path, body, status, code, param, and words of the message.
type Row = (String, Value, u16, Value, Value, String);

fn checkpoint(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/golden/checkpoints");
    folder.join(name)
}

fn encoder(name: &str, folder: &Path) -> SmallModelEntry {
    let config = EncoderConfig {
        max_batch_size: 4,
        batch_wait_timeout: Duration::from_millis(1),
        ..EncoderConfig::default()
    };
    entry(
        name,
        SmallModel::Encoder(Encoder::open(folder, &config).unwrap()),
    )
}

fn classifier(name: &str) -> SmallModelEntry {
    let opened = Classifier::open(&checkpoint(name), &EncoderConfig::default());
    entry(name, SmallModel::Classifier(opened.unwrap()))
}

fn entry(name: &str, model: SmallModel) -> SmallModelEntry {
    SmallModelEntry {
        name: name.to_owned(),
        created: 1_650_000_000,
        model,
        preparing: NonZeroUsize::MIN,
    }
}

/// A copy of the encoder whose files allow vectors of 8 numbers and have prompts.
fn nested() -> SmallModelEntry {
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(checkpoint("topics")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    let config = folder.path().join("config.json");
    let mut value: Value = serde_json::from_slice(&std::fs::read(&config).unwrap()).unwrap();
    value["matryoshka_dimensions"] = json!([8]);
    std::fs::write(&config, value.to_string()).unwrap();
    let prompts = json!({"prompts": {"query": "my account ", "document": ""}});
    let file = folder.path().join("config_sentence_transformers.json");
    std::fs::write(file, prompts.to_string()).unwrap();
    encoder("nested", folder.path())
}

/// A server of all of them beside the usual model.
pub(crate) async fn start() -> Server {
    let small_models = [
        encoder("vectors", &checkpoint("topics")),
        nested(),
        classifier("topics"),
        classifier("sentiment"),
        classifier("relevance"),
    ];
    let model = text_model(saying("yes"));
    let state = new_state(GatewayConfig::default());
    state
        .serve_all(vec![model.clone()], [], small_models)
        .unwrap();
    Server::of(state, model).await
}

fn vector(answer: &Value, index: usize) -> Vec<f32> {
    let item = &answer["data"][index];
    assert_eq!(
        (&item["object"], &item["index"]),
        (&json!("embedding"), &json!(index))
    );
    serde_json::from_value(item["embedding"].clone()).unwrap()
}

#[tokio::test]
async fn texts_become_vectors_however_they_are_written() {
    let server = start().await;
    let ask = |body: Value| server.ask("/v1/embeddings", body);
    let one = ask(json!({"model": "vectors", "input": "Pay my money back"})).await;
    assert_eq!(
        (&one["object"], &one["model"]),
        (&json!("list"), &json!("vectors"))
    );
    let tokens = one["usage"]["prompt_tokens"].as_u64().unwrap();
    assert!(
        tokens > 3 && one["usage"]["total_tokens"] == tokens,
        "{one}"
    );

    let texts = ["a parcel", "Pay my money back", "my account"];
    let three = ask(json!({"model": "vectors", "input": texts, "user": "somebody"})).await;
    assert_eq!(three["data"].as_array().unwrap().len(), 3);
    let apart = |a: &[f32], b: &[f32]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max)
    };
    assert!(apart(&vector(&three, 1), &vector(&one, 0)) < 1e-5);

    let bytes = ask(json!({"model": "vectors", "input": texts, "encoding_format": "base64"})).await;
    for index in 0..3 {
        let text = bytes["data"][index]["embedding"].as_str().unwrap();
        let decoded = decode(text);
        let floats = decoded
            .chunks(4)
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()));
        let floats: Vec<f32> = floats.collect();
        assert!(apart(&floats, &vector(&three, index)) < 1e-5);
    }
}

/// Base64 by hand: what a client of another maker reads.
fn decode(text: &str) -> Vec<u8> {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = text
        .trim_end_matches('=')
        .chars()
        .map(|c| LETTERS.find(c).unwrap());
    let mut bytes = Vec::new();
    let (mut held, mut count) = (0_usize, 0);
    for six in &mut bits {
        (held, count) = (held << 6 | six, count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(held >> count & 255).unwrap());
        }
    }
    bytes
}

#[tokio::test]
async fn a_vector_is_cut_and_a_text_is_prompted_where_the_model_s_files_say_so() {
    let server = start().await;
    let ask = |body: Value| server.ask("/v1/embeddings", body);
    let whole = vector(&ask(json!({"model": "nested", "input": "a"})).await, 0);
    let cut = ask(json!({"model": "nested", "input": "a", "dimensions": 8})).await;
    let cut = vector(&cut, 0);
    let norm = whole[..8].iter().map(|x| x * x).sum::<f32>().sqrt();
    assert_eq!(cut.len(), 8);
    for (a, b) in cut.iter().zip(&whole) {
        assert!((a - b / norm).abs() < 1e-6);
    }
    let full = json!({"model": "vectors", "input": "a", "dimensions": whole.len()});
    assert_eq!(vector(&ask(full).await, 0).len(), whole.len());

    let prompted = ask(json!({"model": "nested", "input": "closed", "prompt_name": "query"})).await;
    let written = ask(json!({"model": "nested", "input": "my account closed"})).await;
    assert_eq!(prompted["usage"], written["usage"]);
    assert_eq!(vector(&prompted, 0), vector(&written, 0));
}

#[tokio::test]
async fn a_long_text_is_cut_only_where_it_is_asked_for() {
    let server = start().await;
    let long = "money ".repeat(200);
    let body = json!({"model": "vectors", "input": long, "truncate_prompt_tokens": -1});
    let answer = server.ask("/v1/embeddings", body).await;
    assert_eq!(answer["usage"]["prompt_tokens"], 64);
    let rerank = json!({"model": "relevance", "query": "a", "documents": [long]});
    assert_eq!(
        server.ask("/v1/rerank", rerank).await["usage"]["prompt_tokens"],
        64
    );
}

#[tokio::test]
async fn each_wrong_request_is_told_what_is_wrong() {
    let server = start().await;
    let table = include_str!("small_models.json").replace("LONG", &"money ".repeat(200));
    let table: Vec<Row> = serde_json::from_str(&table).unwrap();
    for (path, body, status, code, param, words) in table {
        let response = server.post(&path, &body).send().await.unwrap();
        let found = response.status().as_u16();
        let told: Value = response.json().await.unwrap();
        assert_eq!(found, status, "{path} {body}: {told}");
        let error = &told["error"];
        assert_eq!(
            (&error["code"], &error["param"]),
            (&code, &param),
            "{path} {body}: {error}"
        );
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(&words), "{path} {body}: {message}");
    }
    let many = json!({"model": "vectors", "input": vec!["a"; 2049]});
    let response = server.post("/v1/embeddings", &many).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 400);
    let told = response.text().await.unwrap();
    assert!(
        told.contains("2048 entries at most, but has 2049"),
        "{told}"
    );
    server.until("penstock_admission_permits_in_use", 0.0).await;
}

#[tokio::test]
async fn documents_are_put_in_order() {
    let server = start().await;
    let documents = json!(["Berlin is the capital of Germany.", {"text": "A goat."}, "Cheese is made of milk."]);
    for model in ["relevance", "vectors"] {
        let ask = |more: Value| {
            let mut body = json!({"model": model, "query": "What is the capital of Germany?", "documents": documents});
            for (name, value) in more.as_object().unwrap() {
                body[name] = value.clone();
            }
            server.ask("/v1/rerank", body)
        };
        let all = ask(json!({})).await;
        let results = all["results"].as_array().unwrap();
        let mut indexes: Vec<_> = results
            .iter()
            .map(|r| r["index"].as_u64().unwrap())
            .collect();
        let scores: Vec<_> = results
            .iter()
            .map(|r| r["relevance_score"].as_f64().unwrap())
            .collect();
        assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
        indexes.sort_unstable();
        assert_eq!(indexes, [0, 1, 2]);
        assert!(results.iter().all(|r| r.get("document").is_none()), "{all}");
        assert!(all["id"].as_str().unwrap().starts_with("rerank-"));

        let best = ask(json!({"top_n": 1, "return_documents": true})).await;
        let best = best["results"].as_array().unwrap();
        assert_eq!(best.len(), 1);
        assert_eq!(best[0]["index"], results[0]["index"]);
        let text = best[0]["document"]["text"].as_str().unwrap();
        let index = usize::try_from(best[0]["index"].as_u64().unwrap()).unwrap();
        let sent = documents[index]
            .as_str()
            .or_else(|| documents[index]["text"].as_str());
        assert_eq!(Some(text), sent);

        // A score is what the same pair gets by itself.
        let score =
            json!({"model": model, "text_1": "What is the capital of Germany?", "text_2": text});
        let score = server.ask("/v1/score", score).await;
        let apart = score["data"][0]["score"].as_f64().unwrap() - scores[0];
        assert!(apart.abs() < 1e-5, "{apart}");
    }
    let other = server.post(
        "/v2/rerank",
        &json!({"model": "relevance", "query": "a", "documents": ["b"]}),
    );
    assert_eq!(other.send().await.unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn pairs_are_one_with_all_or_each_with_its_own() {
    let server = start().await;
    let ask = |a: Value, b: Value| {
        let body = json!({"model": "vectors", "text_1": a, "text_2": b});
        async {
            let answer = server.ask("/v1/score", body).await;
            assert_eq!(answer["object"], "list");
            let data = answer["data"].as_array().unwrap().clone();
            data.iter()
                .map(|s| s["score"].as_f64().unwrap())
                .collect::<Vec<_>>()
        }
    };
    let same = ask(json!("my money"), json!("my money")).await;
    assert!((same[0] - 1.0).abs() < 1e-5, "{same:?}");
    let all = ask(json!("my money"), json!(["my money", "my parcel"])).await;
    let each = ask(
        json!(["my money", "my parcel"]),
        json!(["my money", "my parcel"]),
    )
    .await;
    assert!((all[0] - 1.0).abs() < 1e-5 && all[1] < 0.9999, "{all:?}");
    assert!(
        each.iter().all(|score| (score - 1.0).abs() < 1e-5),
        "{each:?}"
    );
}

#[tokio::test]
async fn texts_are_labelled() {
    let server = start().await;
    let body = json!({"model": "sentiment", "input": ["This is great!", "this is terrible."]});
    let answer = server.ask("/v1/classify", body).await;
    assert_eq!(answer["model"], "sentiment");
    for (index, label) in ["POSITIVE", "NEGATIVE"].into_iter().enumerate() {
        let found = &answer["data"][index];
        assert_eq!(
            (&found["label"], &found["num_classes"]),
            (&json!(label), &json!(2))
        );
        let probs: Vec<f64> = serde_json::from_value(found["probs"].clone()).unwrap();
        assert!((probs.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{probs:?}");
        assert!(probs[1 - index] > 0.9, "{probs:?}");
    }
}

#[tokio::test]
async fn small_models_are_listed_and_counted() {
    let server = start().await;
    let list: Value = server
        .get("/v1/models")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let ids: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["id"].clone())
        .collect();
    assert_eq!(
        json!(ids),
        json!([
            MODEL,
            "vectors",
            "nested",
            "topics",
            "sentiment",
            "relevance"
        ])
    );
    let one: Value = server
        .get("/v1/models/vectors")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&one["created"], &one["max_model_len"]),
        (&json!(1_650_000_000), &json!(64))
    );

    let body = json!({"model": "vectors", "input": ["a", "b"]});
    let tokens = server.ask("/v1/embeddings", body).await["usage"]["total_tokens"]
        .as_f64()
        .unwrap();
    server
        .send(
            "/v1/embeddings",
            json!({"model": "vectors", "input": [4_000_000_000_u32]}),
        )
        .await;
    for (name, value) in [
        (
            r#"penstock_prompt_tokens_total{model_name="vectors"}"#,
            tokens,
        ),
        (
            r#"penstock_request_success_total{model_name="vectors",finished_reason="stop"}"#,
            1.0,
        ),
        (
            r#"penstock_request_failure_total{model_name="vectors",reason="error"}"#,
            1.0,
        ),
        (
            r#"gen_ai_server_request_duration_seconds_count{gen_ai_operation_name="embeddings",gen_ai_request_model="vectors"}"#,
            1.0,
        ),
        (
            r#"penstock_http_requests_total{route="/v1/embeddings",status="200"}"#,
            1.0,
        ),
    ] {
        assert_eq!(server.metric(name).await, value, "{name}");
    }
}

#[tokio::test]
async fn two_of_one_name_are_refused() {
    let state = new_state(GatewayConfig::default());
    let twice = [
        classifier("topics"),
        encoder("topics", &checkpoint("topics")),
    ];
    let error = state
        .serve_all(vec![text_model(saying("x"))], [], twice)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "two models or applications are called `topics`"
    );
}
