//! Many readers at once, and readers who leave, seen from outside through `/metrics`.

use futures::StreamExt;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::server::{MODEL, Server};

/// One gauge or counter of `/metrics`, summed over its labels.
async fn metric(server: &Server, name: &str) -> f64 {
    let text = reqwest::get(format!("{}/metrics", server.url))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let mut values = text
        .lines()
        .filter(|l| {
            l.strip_prefix(name)
                .is_some_and(|r| r.starts_with([' ', '{']))
        })
        .map(|l| l.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .peekable();
    assert!(
        values.peek().is_some(),
        "{name} is not in /metrics:\n{text}"
    );
    values.sum()
}

/// Opens a stream and reads its first bytes.
async fn open(server: &Server, max_tokens: u32) -> reqwest::Response {
    let body = json!({
        "model": MODEL, "stream": true, "max_tokens": max_tokens, "ignore_eos": true, "temperature": 0,
        "messages": [{"role": "user", "content": "Tell me a long story about a river."}],
    });
    let url = format!("{}/v1/chat/completions", server.url);
    let mut response = reqwest::Client::new()
        .post(url)
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status().as_u16(), 200);
    response.chunk().await.unwrap().unwrap();
    response
}

#[tokio::test]
async fn sixty_four_streams_finish() {
    let server = Server::start("");
    let streams = join_all((0..64).map(|_| open(&server, 16))).await;
    for stream in streams {
        let rest: Vec<_> = stream.bytes_stream().map(|b| b.unwrap()).collect().await;
        let text = String::from_utf8(rest.concat()).unwrap();
        assert!(text.trim_end().ends_with("data: [DONE]"), "{text}");
        let last = text
            .lines()
            .rfind(|l| l.contains("finish_reason\":\""))
            .unwrap();
        let frame: Value = serde_json::from_str(last.trim_start_matches("data: ")).unwrap();
        assert_eq!(frame["choices"][0]["finish_reason"], "length");
    }
    assert_eq!(metric(&server, "penstock_num_requests_running").await, 0.0);
}

#[tokio::test]
async fn sixty_four_readers_who_vanish_leave_nothing_behind() {
    let server = Server::start("");
    let total = metric(&server, "penstock_kv_cache_blocks_total").await;
    let streams = join_all((0..64).map(|_| open(&server, 4_000))).await;
    assert!(metric(&server, "penstock_kv_cache_blocks_used").await > 0.0);
    drop(streams);
    // Each further request brings steps and writes, by which the server notices who has left.
    let mut left = f64::NAN;
    for _ in 0..20 {
        open(&server, 4).await.bytes().await.unwrap();
        left = metric(&server, "penstock_admission_permits_in_use").await;
        if left == 0.0 {
            break;
        }
    }
    assert_eq!(left, 0.0, "permits of readers who left");
    for gauge in [
        "penstock_num_requests_running",
        "penstock_num_requests_waiting",
        "penstock_kv_cache_blocks_used",
    ] {
        assert_eq!(metric(&server, gauge).await, 0.0, "{gauge}");
    }
    let free = metric(&server, "penstock_kv_cache_blocks_free").await;
    let cached = metric(&server, "penstock_kv_cache_blocks_cached").await;
    assert_eq!(free + cached, total);
}
