//! What `/metrics` says after known requests.

use std::fs;
use std::path::Path;

use gateway::{METRICS, Metric};
use serde_json::json;

use crate::fixture::{BLOCKS, Server, question, saying};

#[tokio::test]
async fn requests_are_counted_where_they_belong() {
    let server = Server::start(saying("yes")).await;
    let chat = server
        .ask("/v1/chat/completions", question(json!({"temperature": 0})))
        .await;
    let body = json!({"prompt": "a", "max_tokens": 2, "temperature": 0});
    let completion = server.ask("/v1/completions", body).await;
    let tokens = |name: &str| {
        chat["usage"][name].as_f64().unwrap() + completion["usage"][name].as_f64().unwrap()
    };
    for (name, value) in [
        ("penstock_prompt_tokens_total", tokens("prompt_tokens")),
        (
            "penstock_generation_tokens_total",
            tokens("completion_tokens"),
        ),
        (
            r#"penstock_request_success_total{model_name="tests/fake",finished_reason="stop"}"#,
            1.0,
        ),
        (
            r#"penstock_request_success_total{model_name="tests/fake",finished_reason="length"}"#,
            1.0,
        ),
        ("penstock_request_failure_total", 0.0),
        ("penstock_time_to_first_token_seconds_count", 2.0),
        ("penstock_inter_token_latency_seconds_count", 3.0),
        ("penstock_e2e_request_latency_seconds_count", 2.0),
        ("penstock_request_queue_time_seconds_count", 2.0),
        ("penstock_kv_cache_blocks_total", BLOCKS as f64),
        ("gen_ai_server_request_duration_seconds_count", 2.0),
        ("gen_ai_client_token_usage_sum", tokens("total_tokens")),
        ("gen_ai_server_time_per_output_token_seconds_count", 2.0),
        (
            r#"penstock_http_requests_total{route="/v1/chat/completions",status="200"}"#,
            1.0,
        ),
    ] {
        assert_eq!(server.metric(name).await, value, "{name}");
    }
    let used = server.metric("penstock_kv_cache_blocks_used").await;
    let free = server.metric("penstock_kv_cache_blocks_free").await;
    let cached = server.metric("penstock_kv_cache_blocks_cached").await;
    assert_eq!((used, free + cached), (0.0, BLOCKS as f64));
}

#[tokio::test]
async fn no_label_takes_its_value_from_a_client() {
    let server = Server::start(saying("yes")).await;
    server.send("/v1/secret-path", json!({})).await;
    server
        .send(
            "/v1/chat/completions",
            question(json!({"model": "secret-model", "secret-field": 1})),
        )
        .await;
    server.get("/v1/models/secret-id").send().await.unwrap();
    let text = server
        .get("/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(!text.contains("secret"), "{text}");
    assert_eq!(
        server
            .metric(r#"penstock_http_requests_total{route="none",status="404"}"#)
            .await,
        1.0
    );
}

#[tokio::test]
async fn two_servers_count_apart() {
    let one = Server::start(saying("yes")).await;
    let two = Server::start(saying("yes")).await;
    one.ask("/v1/chat/completions", question(json!({}))).await;
    assert_eq!(one.metric("penstock_request_success_total").await, 1.0);
    assert_eq!(two.metric("penstock_request_success_total").await, 0.0);
}

#[tokio::test]
async fn every_metric_is_documented_and_every_documented_one_exists() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let text = fs::read_to_string(path).unwrap();
    let mut missing = Vec::new();
    for metric in METRICS {
        let kind = format!("{:?}", metric.kind).to_lowercase();
        let labels: Vec<String> = metric.labels.iter().map(|l| format!("`{l}`")).collect();
        let line = format!(
            "| `{}` | {kind} | {} | {} |",
            metric.name,
            labels.join(", "),
            metric.help
        );
        if !text.contains(&line) {
            missing.push(line);
        }
    }
    assert!(
        missing.is_empty(),
        "docs/metrics.md lacks:\n{}",
        missing.join("\n")
    );
    let documented = text.lines().filter(|l| l.starts_with("| `")).count();
    assert_eq!(
        documented,
        METRICS.len(),
        "docs/metrics.md lists a metric that does not exist"
    );
    let server = Server::start(saying("yes")).await;
    server
        .ask("/v1/chat/completions", question(json!({})))
        .await;
    let scraped = server
        .get("/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    // Those of deployments, of gRPC and of replicas are there where these are, whose tests look at them.
    let elsewhere = ["penstock_grpc", "penstock_replica"];
    let everywhere = |metric: &&Metric| {
        let name = metric.name;
        !metric.labels.contains(&"deployment") && !elsewhere.iter().any(|of| name.starts_with(of))
    };
    for metric in METRICS.iter().filter(everywhere) {
        let kind = format!("{:?}", metric.kind).to_lowercase();
        let line = format!("# TYPE {} {kind}", metric.name);
        assert!(
            scraped.contains(&line),
            "{line} is not in /metrics:\n{scraped}"
        );
    }
}
