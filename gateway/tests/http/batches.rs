//! `/v1/batches`: each line once, behind all requests, across restarts.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use gateway::GatewayConfig;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{MODEL, Server, holding_after, question, saying};
use crate::keeping::{Clock, configured, keeping};

const CHAT: &str = "/v1/chat/completions";

/// A line that asks for a chat.
fn line(id: &str, more: Value) -> Value {
    let mut body = question(json!({"model": MODEL}));
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    json!({"custom_id": id, "method": "POST", "url": CHAT, "body": body})
}

fn lines(count: usize) -> String {
    (0..count)
        .map(|i| format!("{}\n", line(&format!("r{i}"), json!({}))))
        .collect()
}

async fn start(server: &Server, lines: &str) -> String {
    let input = server.upload(lines).await;
    let body = json!({"input_file_id": input, "endpoint": CHAT, "completion_window": "24h",
        "metadata": {"job": "nightly"}});
    let batch = server.ask("/v1/batches", body).await;
    assert_eq!(
        (&batch["status"], &batch["metadata"]["job"]),
        (&json!("validating"), &json!("nightly"))
    );
    batch["id"].as_str().unwrap().to_owned()
}

/// What the output says of each line; no line twice.
fn by_id(lines: &[Value]) -> BTreeMap<String, Value> {
    let entry = |line: &Value| (line["custom_id"].as_str().unwrap().to_owned(), line.clone());
    let all: BTreeMap<_, _> = lines.iter().map(entry).collect();
    assert_eq!(all.len(), lines.len(), "each line once");
    all
}

#[tokio::test]
async fn each_line_is_answered_into_one_of_two_files() {
    let folder = TempDir::new().unwrap();
    let server = keeping(folder.path(), saying("yes")).await;
    let text = format!(
        "{}\n\n{}\n{}\n{}",
        line("good", json!({"temperature": 0})),
        line("hot", json!({"temperature": 9})),
        line("stream", json!({"stream": true})),
        line("lost", json!({"model": "nope"})),
    );
    let id = start(&server, &text).await;
    let batch = server.batch_ended(&id).await;
    assert_eq!(batch["status"], "completed", "{batch}");
    assert_eq!(
        batch["request_counts"],
        json!({"total": 4, "completed": 1, "failed": 3})
    );
    for time in ["in_progress_at", "finalizing_at", "completed_at"] {
        assert_eq!(batch[time], 1_700_000_000_u64, "{time}: {batch}");
    }
    assert_eq!(
        (&batch["failed_at"], &batch["errors"]),
        (&Value::Null, &Value::Null)
    );

    let good = by_id(&server.lines(&batch["output_file_id"]).await);
    let answer = &good["good"];
    assert_eq!(
        (&answer["error"], &answer["response"]["status_code"]),
        (&Value::Null, &json!(200))
    );
    let direct = server.ask(CHAT, question(json!({"temperature": 0}))).await;
    assert_eq!(answer["response"]["body"]["choices"], direct["choices"]);
    assert!(
        answer["response"]["request_id"]
            .as_str()
            .unwrap()
            .starts_with("req_")
    );

    let bad = by_id(&server.lines(&batch["error_file_id"]).await);
    for (id, status, param) in [
        ("hot", 400, "temperature"),
        ("stream", 400, "stream"),
        ("lost", 404, "model"),
    ] {
        let response = &bad[id]["response"];
        assert_eq!(response["status_code"], status, "{response}");
        assert_eq!(response["body"]["error"]["param"], param, "{response}");
    }
    assert_eq!(server.metric("penstock_batch_lines_total").await, 4.0);
    assert_eq!(server.metric("penstock_batch_ended_total").await, 1.0);
    assert_eq!(
        server.metric("penstock_admission_permits_in_use").await,
        0.0
    );
    let (_, list) = server.fetch("/v1/batches?limit=1").await;
    assert_eq!(
        (&list["data"][0]["id"], &list["has_more"]),
        (&json!(id), &json!(false))
    );
    let (status, error) = told(&server, &format!("/v1/batches/{id}/cancel")).await;
    assert_eq!(status, 400, "{error}");
}

async fn told(server: &Server, path: &str) -> (u16, Value) {
    let response = server.post(path, &json!({})).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn wrong_lines_fail_the_batch_and_are_named() {
    let folder = TempDir::new().unwrap();
    let server = keeping(folder.path(), saying("yes")).await;
    let good = line("a", json!({}));
    let with = |field: &str, value: Value| {
        let mut line = line("b", json!({}));
        line[field] = value;
        line
    };
    let rows = [
        (good.clone(), "duplicate_custom_id"),
        (with("custom_id", json!(5)), "missing_required_parameter"),
        (with("method", json!("GET")), "missing_required_parameter"),
        (with("url", json!("/v1/embeddings")), "mismatched_endpoint"),
        (with("body", json!([])), "missing_required_parameter"),
    ];
    let text: String = rows.iter().map(|(line, _)| format!("{line}\n")).collect();
    let id = start(&server, &format!("{good}\n{text}")).await;
    let batch = server.batch_ended(&id).await;
    assert_eq!(
        (&batch["status"], &batch["output_file_id"]),
        (&json!("failed"), &Value::Null)
    );
    let errors = batch["errors"]["data"].as_array().unwrap();
    let found: Vec<_> = errors
        .iter()
        .map(|e| (e["line"].as_u64().unwrap(), e["code"].as_str().unwrap()))
        .collect();
    let expected: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(i, (_, code))| (i as u64 + 2, *code))
        .collect();
    assert_eq!(found, expected, "{batch}");

    let input = server.upload(&lines(1)).await;
    for (field, value) in [
        ("input_file_id", json!("file-none")),
        ("endpoint", json!("/v1/models")),
        ("completion_window", json!("1h")),
        ("metadata", json!({"a": 1})),
    ] {
        let mut body =
            json!({"input_file_id": input, "endpoint": CHAT, "completion_window": "24h"});
        body[field] = value;
        let response = server.post("/v1/batches", &body).send().await.unwrap();
        assert_eq!(response.status(), 400);
        let error: Value = response.json().await.unwrap();
        assert_eq!(error["error"]["param"], field, "{error}");
    }
    let (status, _) = server.fetch("/v1/batches/batch_none").await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_stop_in_the_middle_loses_nothing_and_does_nothing_twice() {
    let folder = TempDir::new().unwrap();
    let config = || GatewayConfig {
        drain_settle: Duration::ZERO,
        max_batch_lines: NonZeroUsize::new(2).unwrap(),
        ..GatewayConfig::default()
    };
    let clock = Clock::new();
    let (fake, gate) = holding_after(12, saying("yes"));
    let server = configured(folder.path(), fake, config(), &clock).await;
    let id = start(&server, &lines(20)).await;
    let before = server
        .batch_until(&id, |b| b["request_counts"]["completed"].as_u64() > Some(2))
        .await;
    server.until("penstock_batch_lines_in_flight", 2.0).await;
    server.shutdown.cancel();
    drop(gate);
    server.gone().await;

    let server = configured(folder.path(), saying("yes"), config(), &clock).await;
    let batch = server.batch_ended(&id).await;
    assert_eq!(
        batch["request_counts"],
        json!({"total": 20, "completed": 20, "failed": 0})
    );
    let answers = by_id(&server.lines(&batch["output_file_id"]).await);
    assert_eq!(answers.len(), 20);
    // What was answered before the stop was not answered again.
    let again = server.metric("penstock_batch_lines_total").await;
    let done = before["request_counts"]["completed"].as_u64().unwrap() as f64;
    assert!(again <= 20.0 - done, "{again} of 20 after {done}");
}

#[tokio::test]
async fn a_batch_is_cancelled_and_keeps_what_it_has() {
    let folder = TempDir::new().unwrap();
    let config = GatewayConfig {
        max_batch_lines: NonZeroUsize::MIN,
        ..GatewayConfig::default()
    };
    let (fake, gate) = holding_after(9, saying("yes"));
    let server = configured(folder.path(), fake, config, &Clock::new()).await;
    let id = start(&server, &lines(6)).await;
    server
        .batch_until(&id, |b| b["request_counts"]["completed"].as_u64() > Some(0))
        .await;
    let (status, batch) = told(&server, &format!("/v1/batches/{id}/cancel")).await;
    assert_eq!((status, &batch["status"]), (200, &json!("cancelling")));
    let batch = server.batch_ended(&id).await;
    drop(gate);
    assert_eq!(batch["status"], "cancelled", "{batch}");
    let counts = &batch["request_counts"];
    assert_eq!(
        counts["completed"].as_u64().unwrap() + counts["failed"].as_u64().unwrap(),
        6
    );
    let done = server.lines(&batch["output_file_id"]).await;
    let left = server.lines(&batch["error_file_id"]).await;
    assert_eq!(by_id(&[done, left.clone()].concat()).len(), 6);
    assert_eq!(left[0]["error"]["code"], "batch_cancelled");
    server.until("penstock_admission_permits_in_use", 0.0).await;
}

#[tokio::test]
async fn what_is_not_answered_in_time_expires() {
    let folder = TempDir::new().unwrap();
    let config = GatewayConfig {
        max_batch_lines: NonZeroUsize::MIN,
        ..GatewayConfig::default()
    };
    let clock = Clock::new();
    let (fake, gate) = holding_after(0, saying("yes"));
    let server = configured(folder.path(), fake, config, &clock).await;
    let id = start(&server, &lines(3)).await;
    server.until("penstock_batch_lines_in_flight", 1.0).await;
    clock.advance(86_400);
    drop(gate);
    let batch = server.batch_ended(&id).await;
    assert_eq!(
        (&batch["status"], &batch["expired_at"]),
        (&json!("expired"), &json!(1_700_086_400_u64))
    );
    let left = server.lines(&batch["error_file_id"]).await;
    assert_eq!(left[0]["error"]["code"], "batch_expired", "{left:?}");
    assert_eq!(batch["request_counts"]["total"], 3);
}

#[tokio::test]
async fn lines_give_way_to_requests_that_wait() {
    let folder = TempDir::new().unwrap();
    let config = GatewayConfig {
        max_ongoing_requests: NonZeroUsize::new(4).unwrap(),
        max_queued_requests: 0,
        ..GatewayConfig::default()
    };
    let (fake, gate) = holding_after(0, saying("yes"));
    let server = configured(folder.path(), fake, config, &Clock::new()).await;
    let id = start(&server, &lines(8)).await;
    // One slot stays free.
    server.until("penstock_batch_lines_in_flight", 3.0).await;
    let asked: Vec<_> = (0..4)
        .map(|_| server.send(CHAT, question(json!({}))))
        .collect();
    let asked = futures::future::join_all(asked);
    let let_go = async {
        // All four get slots, although there was room for one only.
        server
            .until("penstock_batch_lines_yielded_total", 3.0)
            .await;
        server.until("penstock_batch_lines_in_flight", 0.0).await;
        server.until("penstock_admission_permits_in_use", 4.0).await;
        drop(gate);
    };
    let (answers, ()) = tokio::join!(asked, let_go);
    assert!(answers.iter().all(|answer| answer.status() == 200));
    drop(answers);
    let batch = server.batch_ended(&id).await;
    assert_eq!(
        batch["request_counts"],
        json!({"total": 8, "completed": 8, "failed": 0})
    );
    assert_eq!(
        by_id(&server.lines(&batch["output_file_id"]).await).len(),
        8
    );
}
