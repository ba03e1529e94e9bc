//! What clients are told, as a table of request and answer.

use gateway::GatewayConfig;
use serde_json::{Value, json};

use crate::fixture::{MAX_MODEL_LEN, MODEL, Server, question, saying};

const CHAT: &str = "/v1/chat/completions";

/// Path, body, status, code, param, and words of the message.
type Row = (String, Value, u16, Value, Value, String);

async fn told(response: reqwest::Response) -> (u16, Value) {
    assert!(response.headers().contains_key("x-request-id"));
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    let error = body["error"].clone();
    let kind = if status >= 500 {
        "server_error"
    } else {
        "invalid_request_error"
    };
    assert_eq!(error["type"], kind, "{body}");
    assert_eq!(error.as_object().unwrap().len(), 4, "{body}");
    (status, error)
}

#[tokio::test]
async fn each_wrong_request_is_told_what_is_wrong() {
    let server = Server::start(saying("yes")).await;
    let table = include_str!("errors.json")
        .replace("LONG", &"a".repeat(MAX_MODEL_LEN))
        .replace("HUGE", &"a".repeat(MAX_MODEL_LEN * 12 + 1))
        .replace("\"HI\"", &question(json!({}))["messages"].to_string());
    let table: Vec<Row> = serde_json::from_str(&table).unwrap();
    for (path, body, status, code, param, words) in table {
        let (found, error) = told(server.send(&path, body.clone()).await).await;
        assert_eq!(found, status, "{path} {body}: {error}");
        let told = (&error["code"], &error["param"]);
        assert_eq!(told, (&code, &param), "{path} {body}: {error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(&words), "{path} {body}: {message}");
    }
    server.until("penstock_admission_permits_in_use", 0.0).await;
    assert_eq!(server.model.engine().stats().held_requests, 0);
}

#[tokio::test]
async fn what_is_not_json_is_told_line_and_column() {
    let server = Server::start(saying("yes")).await;
    let url = format!("{}{CHAT}", server.url);
    let body = "{\"model\": \"m\",\n  \"messages\": [,]}";
    let (status, error) = told(server.client.post(url).body(body).send().await.unwrap()).await;
    assert_eq!(status, 400);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("line 2 column 16"), "{message}");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let config = GatewayConfig {
        max_body_bytes: 200,
        ..GatewayConfig::default()
    };
    let server = Server::configured(saying("yes"), config).await;
    let long = question(json!({"model": MODEL, "user": "x".repeat(200)})).to_string();
    let url = format!("{}{CHAT}", server.url);
    let declared = server.client.post(&url).body(long.clone());
    let pieces: Vec<Result<String, std::io::Error>> = vec![Ok(long)];
    let streamed = server
        .client
        .post(&url)
        .body(reqwest::Body::wrap_stream(futures::stream::iter(pieces)));
    for request in [declared, streamed] {
        let (status, error) = told(request.send().await.unwrap()).await;
        assert_eq!(status, 413);
        assert_eq!(error["code"], "body_too_large");
        assert!(error["message"].as_str().unwrap().contains("200 bytes"));
    }
    let answer = server.send(CHAT, question(json!({"model": MODEL}))).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let config = GatewayConfig {
        body_timeout: std::time::Duration::from_millis(1),
        ..GatewayConfig::default()
    };
    let server = Server::configured(saying("yes"), config).await;
    let never = futures::stream::pending::<Result<String, std::io::Error>>();
    let url = format!("{}{CHAT}", server.url);
    let request = server
        .client
        .post(url)
        .body(reqwest::Body::wrap_stream(never));
    let (status, error) = told(request.send().await.unwrap()).await;
    assert_eq!((status, &error["code"]), (408, &json!("body_timeout")));
}

#[tokio::test]
async fn unknown_fields_are_counted_or_refused() {
    let body = question(json!({"surprise": 1, "stream_options": null}));
    let lenient = Server::start(saying("yes")).await;
    lenient.ask(CHAT, body.clone()).await;
    assert_eq!(
        lenient
            .metric("penstock_unknown_request_fields_total")
            .await,
        1.0
    );
    let config = GatewayConfig {
        strict: true,
        ..GatewayConfig::default()
    };
    let strict = Server::configured(saying("yes"), config).await;
    let (status, error) = told(strict.send(CHAT, body).await).await;
    assert_eq!((status, &error["param"]), (400, &json!("surprise")));
    strict.ask(CHAT, question(json!({}))).await;
}

#[tokio::test]
async fn a_full_engine_is_busy_and_a_stopped_one_is_gone() {
    let server = Server::start(saying("yes")).await;
    // Three requests of 128 choices do not fit an engine that holds 256.
    let (fake, latch) = saying("yes").with_latch();
    let full = Server::start(fake).await;
    let many = || full.send(CHAT, question(json!({"n": 128, "stream": true})));
    let (mut first, mut second) = (Box::pin(many()), Box::pin(many()));
    let refused = async {
        while full.model.engine().stats().held_requests < 256 {
            full.get("/livez").send().await.unwrap();
        }
        many().await
    };
    let refused = tokio::select! {
        refused = refused => refused,
        _ = &mut first => panic!("answered before a step"),
        _ = &mut second => panic!("answered before a step"),
    };
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    let counted = full.metric("penstock_admission_refused_total").await;
    assert_eq!(
        counted, 1.0,
        "refused by the engine is refused for lack of room"
    );
    drop(latch);

    server.model.engine().shutdown();
    let (status, error) = told(server.send(CHAT, question(json!({}))).await).await;
    assert_eq!((status, &error["code"]), (503, &json!("shutting_down")));
}
