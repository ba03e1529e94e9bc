//! Going away in order: not ready, then draining, then gone.

use std::time::Duration;

use gateway::GatewayConfig;
use serde_json::{Value, json};

use crate::fixture::{Server, chunks, frames, holding_after, question, saying};

const CHAT: &str = "/v1/chat/completions";

fn config(settle: Duration, patience: Duration) -> GatewayConfig {
    GatewayConfig {
        drain_settle: settle,
        graceful_shutdown_timeout: patience,
        ..GatewayConfig::default()
    }
}

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn not_ready_comes_before_draining() {
    let server = Server::configured(saying("yes"), config(LONG, LONG)).await;
    assert_eq!(server.get("/readyz").send().await.unwrap().status(), 200);
    server.shutdown.cancel();
    loop {
        let ready = server.get("/readyz").send().await.unwrap();
        if ready.status() == 503 {
            let error: Value = ready.json().await.unwrap();
            assert_eq!(error["error"]["code"], "shutting_down");
            break;
        }
    }
    // G2: work is still taken, on new connections too.
    let health = reqwest::get(format!("{}/health", server.url)).await.unwrap();
    assert_eq!(health.status(), 503);
    assert_eq!(reqwest::get(format!("{}/livez", server.url)).await.unwrap().status(), 200);
    let answer = server.ask(CHAT, question(json!({}))).await;
    assert_eq!(answer["choices"][0]["message"]["content"], "yes");
}

#[tokio::test]
async fn running_answers_finish_and_new_ones_are_refused() {
    let (fake, gate) = holding_after(1, saying("Hello"));
    let server = Server::configured(fake, config(Duration::ZERO, LONG)).await;
    let running = server.send(CHAT, question(json!({"stream": true, "temperature": 0}))).await;
    // Another connection, kept open.
    server.get("/v1/models").send().await.unwrap().bytes().await.unwrap();
    server.shutdown.cancel();
    loop {
        let refused = server.get("/v1/models").send().await.unwrap();
        if refused.status() == 200 {
            refused.bytes().await.unwrap();
            continue;
        }
        assert_eq!(refused.status(), 503);
        assert_eq!(refused.headers()["connection"], "close");
        assert!(refused.headers().contains_key("retry-after"));
        break;
    }
    let error = reqwest::get(format!("{}/livez", server.url)).await.unwrap_err();
    assert!(error.is_connect(), "the listener is closed: {error}");

    drop(gate);
    let transcript = running.text().await.unwrap();
    let said: String = chunks(&transcript)
        .iter()
        .filter_map(|c| c["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(said, "Hello");
    server.gone().await;
}

#[tokio::test]
async fn answers_that_take_too_long_end_with_an_error() {
    let (fake, gate) = holding_after(1, saying("Hello"));
    let server = Server::configured(fake, config(Duration::ZERO, Duration::ZERO)).await;
    let running = server.send(CHAT, question(json!({"stream": true, "temperature": 0}))).await;
    let whole = server.send(CHAT, question(json!({})));
    let cut = async {
        server.until("penstock_admission_permits_in_use", 2.0).await;
        server.shutdown.cancel();
    };
    let (whole, ()) = tokio::join!(whole, cut);
    assert_eq!(whole.status(), 503);
    let error: Value = whole.json().await.unwrap();
    assert_eq!(error["error"]["code"], "shutting_down");

    let transcript = running.text().await.unwrap();
    let frames = frames(&transcript);
    let error: Value = serde_json::from_str(frames.last().unwrap()).unwrap();
    assert_eq!(error["error"]["code"], "shutting_down");
    drop(gate);
    server.gone().await;
}
