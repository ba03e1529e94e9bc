//! Responses that nobody waits for: polled, watched, cancelled, and what becomes of them when the server stops.

use std::num::NonZeroUsize;
use std::time::Duration;

use engine::testing::FakeModel;
use gateway::GatewayConfig;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{MODEL, Server, holding_after, saying};
use crate::keeping::{Clock, configured, keeping};
use crate::responses::{PATH, events, text};
use crate::stream_schemas::StreamSchemas;

async fn begin(server: &Server, more: &Value) -> String {
    let mut body = json!({"model": MODEL, "input": "Hi", "background": true});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let response = server.ask(PATH, body).await;
    assert!(["queued", "in_progress"].contains(&response["status"].as_str().unwrap()));
    format!("{PATH}/{}", response["id"].as_str().unwrap())
}

/// Looks at a response until it is as wanted. Each look is a request, so nothing spins.
async fn until(server: &Server, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..100_000 {
        let (_, response) = server.fetch(path).await;
        if wanted(&response) {
            return response;
        }
    }
    panic!("it never came so far: {}", server.fetch(path).await.1);
}

async fn ended(server: &Server, path: &str) -> Value {
    let open = ["queued", "in_progress"];
    until(server, path, |r| {
        !open.contains(&r["status"].as_str().unwrap())
    })
    .await
}

async fn cancelled(server: &Server, path: &str) -> (u16, Value) {
    let path = format!("{path}/cancel");
    let response = server.post(&path, &json!({})).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn one_is_polled_and_watched_by_all_who_like() {
    let folder = TempDir::new().unwrap();
    let (fake, gate) = holding_after(3, saying("Hello"));
    let server = keeping(folder.path(), fake).await;
    let path = begin(&server, &json!({})).await;
    let half = until(&server, &path, |r| !r["output"][0].is_null()).await;
    assert_eq!(half["status"], "in_progress");
    // One watches from the middle, one from the beginning; both before its end.
    let middle = format!("{path}?stream=true&starting_after=4");
    let begun = server.get(&middle).send().await.unwrap();
    let from_the_first = format!("{path}?stream=true");
    let whole = text(&server, &from_the_first);
    let (begun, whole, ()) = tokio::join!(begun.text(), whole, async { drop(gate) });
    let told = events(&whole, 0);
    assert_eq!(events(&begun.unwrap(), 5), told[5..]);
    let opening: Vec<_> = told[..3]
        .iter()
        .map(|e| e["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        opening,
        [
            "response.created",
            "response.queued",
            "response.in_progress"
        ]
    );
    StreamSchemas::new().prove_all(&whole);
    let response = ended(&server, &path).await;
    assert_eq!(response["status"], "completed");
    assert_eq!(told.last().unwrap()["response"], response);
    assert_eq!(text(&server, &format!("{path}?stream=true")).await, whole);
    server.until("penstock_admission_permits_in_use", 0.0).await;
}

#[tokio::test]
async fn one_goes_on_when_its_client_has_left() {
    let folder = TempDir::new().unwrap();
    let (fake, gate) = holding_after(2, saying("Hello"));
    let server = keeping(folder.path(), fake).await;
    let body = json!({"input": "Hi", "background": true, "stream": true});
    let mut response = server.send(PATH, body).await;
    let first = response.chunk().await.unwrap().unwrap();
    let first = String::from_utf8_lossy(&first).into_owned();
    let id = first.split("resp_").nth(1).unwrap()[..32].to_owned();
    drop(response);
    drop(gate);
    let response = ended(&server, &format!("{PATH}/resp_{id}")).await;
    assert_eq!(response["output"][0]["content"][0]["text"], "Hello");
}

#[tokio::test]
async fn one_in_the_foreground_goes_with_its_client() {
    let folder = TempDir::new().unwrap();
    let (fake, gate) = holding_after(2, saying("Hello"));
    let server = keeping(folder.path(), fake).await;
    let mut response = server
        .send(PATH, json!({"input": "Hi", "stream": true}))
        .await;
    let first = response.chunk().await.unwrap().unwrap();
    let first = String::from_utf8_lossy(&first).into_owned();
    let id = first.split("resp_").nth(1).unwrap()[..32].to_owned();
    let path = format!("{PATH}/resp_{id}");
    assert_eq!(server.fetch(&path).await.1["status"], "in_progress");
    assert_eq!(cancelled(&server, &path).await.0, 400);
    drop(response);
    server.until("penstock_admission_permits_in_use", 0.0).await;
    drop(gate);
    assert_eq!(server.fetch(&path).await.0, 404);
}

#[tokio::test]
async fn one_is_cancelled_once_and_for_all() {
    let folder = TempDir::new().unwrap();
    let (fake, gate) = holding_after(3, saying("Hello"));
    let server = keeping(folder.path(), fake).await;
    let path = begin(&server, &json!({})).await;
    until(&server, &path, |r| !r["output"][0].is_null()).await;
    let (status, response) = cancelled(&server, &path).await;
    assert_eq!((status, &response["status"]), (200, &json!("cancelled")));
    assert_eq!(cancelled(&server, &path).await, (200, response.clone()));
    let told = events(&text(&server, &format!("{path}?stream=true")).await, 0);
    assert_eq!(told.last().unwrap()["response"], response);
    drop(gate);
    server.until("penstock_admission_permits_in_use", 0.0).await;
    // What is deleted while it is made is not there afterwards.
    let path = begin(&server, &json!({})).await;
    let request = server.client.delete(format!("{}{path}", server.url));
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(server.fetch(&path).await.0, 404);
}

#[tokio::test]
async fn so_many_are_taken_and_no_more() {
    let folder = TempDir::new().unwrap();
    let config = GatewayConfig {
        max_ongoing_requests: NonZeroUsize::MIN,
        ..GatewayConfig::default()
    };
    let (fake, gate) = holding_after(0, saying("Yes"));
    let server = configured(folder.path(), fake, config, &Clock::new()).await;
    let mut paths = Vec::new();
    for _ in 0..64 {
        paths.push(begin(&server, &json!({})).await);
    }
    let full = json!({"input": "Hi", "background": true});
    let full = server.send(PATH, full).await;
    assert_eq!(full.status(), 429);
    assert!(full.headers().contains_key("retry-after"));
    drop(gate);
    for path in paths {
        assert_eq!(ended(&server, &path).await["status"], "completed");
    }
}

#[tokio::test]
async fn one_that_the_server_could_not_end_has_failed_after_its_start() {
    let folder = TempDir::new().unwrap();
    let clock = Clock::new();
    let config = |patience| GatewayConfig {
        drain_settle: Duration::ZERO,
        graceful_shutdown_timeout: patience,
        ..GatewayConfig::default()
    };
    let start = async |fake: FakeModel, patience| {
        configured(folder.path(), fake, config(patience), &clock).await
    };
    // There is time: it is made to its end.
    let (fake, gate) = holding_after(2, saying("Hello"));
    let server = start(fake, Duration::from_secs(60)).await;
    let made = begin(&server, &json!({})).await;
    until(&server, &made, |r| !r["output"][0].is_null()).await;
    server.shutdown.cancel();
    drop(gate);
    server.gone().await;
    // There is none: it is cut, and says so.
    let (fake, gate) = holding_after(2, saying("Hello"));
    let server = start(fake, Duration::ZERO).await;
    assert_eq!(server.fetch(&made).await.1["status"], "completed");
    let cut = begin(&server, &json!({})).await;
    until(&server, &cut, |r| !r["output"][0].is_null()).await;
    server.shutdown.cancel();
    let model = server.model.clone();
    server.gone().await;
    drop((gate, model));
    let server = start(saying("Hello"), Duration::ZERO).await;
    let response = server.fetch(&cut).await.1;
    assert_eq!(response["status"], "failed", "{response}");
    assert_eq!(response["error"]["code"], "server_error");
    let told = text(&server, &format!("{cut}?stream=true")).await;
    StreamSchemas::new().prove_all(&told);
    assert!(told.contains("event: response.failed"), "{told}");
}
