//! What clients are told, as a table of request and answer.

use gateway::GatewayConfig;
use serde_json::{Value, json};

use crate::fixture::{MAX_MODEL_LEN, MODEL, Server, question, saying};

const CHAT: &str = "/v1/chat/completions";
const COMPLETIONS: &str = "/v1/completions";

/// Status, code, param, and words of the message.
type Told = (u16, Value, Value, &'static str);

async fn told(response: reqwest::Response) -> (u16, Value) {
    assert!(response.headers().contains_key("x-request-id"));
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    let error = body["error"].clone();
    let kind = if status >= 500 { "server_error" } else { "invalid_request_error" };
    assert_eq!(error["type"], kind, "{body}");
    assert_eq!(error.as_object().unwrap().len(), 4, "{body}");
    (status, error)
}

#[tokio::test]
async fn each_wrong_request_is_told_what_is_wrong() {
    let server = Server::start(saying("yes")).await;
    let long = "a".repeat(MAX_MODEL_LEN);
    let none = json!(null);
    let completion = |more: Value| {
        let mut body = json!({"prompt": "a"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let table: Vec<(&str, Value, Told)> = vec![
        (CHAT, question(json!({"model": "no/such"})),
            (404, json!("model_not_found"), json!("model"), "`no/such` does not exist")),
        (CHAT, question(json!({"model": null})), (400, none.clone(), json!("model"), "required")),
        (CHAT, json!({"messages": []}), (400, none.clone(), json!("messages"), "empty")),
        (CHAT, json!({"messages": [{"role": "user", "content": long}]}),
            (400, json!("context_length_exceeded"), json!("messages"), "maximum context length")),
        (CHAT, question(json!({"max_tokens": 600})),
            (400, json!("context_length_exceeded"), json!("messages"), "maximum context length")),
        (CHAT, question(json!({"tools": [{}]})),
            (400, json!("unsupported_parameter"), json!("tools"), "does not call tools")),
        (CHAT, question(json!({"temperature": 2.5})),
            (400, none.clone(), json!("temperature"), "from 0 to 2, but is 2.5")),
        (CHAT, question(json!({"temperature": -1})), (400, none.clone(), json!("temperature"), "-1")),
        (CHAT, question(json!({"top_p": 0})), (400, none.clone(), json!("top_p"), "above 0")),
        (CHAT, question(json!({"min_p": 2})), (400, none.clone(), json!("min_p"), "from 0 to 1")),
        (CHAT, question(json!({"presence_penalty": 3})),
            (400, none.clone(), json!("presence_penalty"), "from -2 to 2")),
        (CHAT, question(json!({"frequency_penalty": -3})),
            (400, none.clone(), json!("frequency_penalty"), "from -2 to 2")),
        (CHAT, question(json!({"repetition_penalty": 0})),
            (400, none.clone(), json!("repetition_penalty"), "above 0")),
        (CHAT, question(json!({"logit_bias": {"1": 101}})),
            (400, none.clone(), json!("logit_bias"), "from -100 to 100")),
        (CHAT, question(json!({"logit_bias": {"259": 1}})),
            (400, none.clone(), json!("logit_bias"), "below 259")),
        (CHAT, question(json!({"stop_token_ids": [259]})),
            (400, none.clone(), json!("stop_token_ids"), "below 259")),
        (CHAT, question(json!({"logprobs": true, "top_logprobs": 21})),
            (400, none.clone(), json!("top_logprobs"), "from 0 to 20")),
        (CHAT, question(json!({"min_tokens": 9, "max_tokens": 5})),
            (400, none.clone(), json!("min_tokens"), "at most max_tokens")),
        (CHAT, question(json!({"n": 129})), (400, none.clone(), json!("n"), "from 1 to 128")),
        (COMPLETIONS, completion(json!({"prompt": ""})), (200, none.clone(), none.clone(), "")),
        (COMPLETIONS, completion(json!({"prompt": "", "add_special_tokens": false})),
            (400, none.clone(), json!("prompt"), "the prompt is empty")),
        (COMPLETIONS, completion(json!({"prompt": [300]})),
            (400, none.clone(), json!("prompt"), "token id 300")),
        (COMPLETIONS, completion(json!({"prompt": long})),
            (400, json!("context_length_exceeded"), json!("prompt"), "maximum context length")),
        (COMPLETIONS, completion(json!({"suffix": "x"})),
            (400, json!("unsupported_parameter"), json!("suffix"), "middle")),
        ("/tokenize", json!({}), (400, none.clone(), json!("prompt"), "required")),
        ("/nowhere", json!({}), (404, json!("unknown_url"), none.clone(), "POST /nowhere")),
        ("/v1/models", json!({}),
            (405, json!("method_not_allowed"), none.clone(), "POST /v1/models")),
    ];
    for (path, body, (status, code, param, words)) in table {
        let response = server.send(path, body.clone()).await;
        if status == 200 {
            assert_eq!(response.status(), 200, "{body}");
            continue;
        }
        let (found, error) = told(response).await;
        assert_eq!(found, status, "{path} {body}: {error}");
        assert_eq!((&error["code"], &error["param"]), (&code, &param), "{path} {body}: {error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(words), "{path} {body}: {message}");
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
    let streamed = server.client.post(&url).body(reqwest::Body::wrap_stream(futures::stream::iter(pieces)));
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
    let request = server.client.post(url).body(reqwest::Body::wrap_stream(never));
    let (status, error) = told(request.send().await.unwrap()).await;
    assert_eq!((status, &error["code"]), (408, &json!("body_timeout")));
}

#[tokio::test]
async fn unknown_fields_are_counted_or_refused() {
    let body = question(json!({"surprise": 1, "stream_options": null}));
    let lenient = Server::start(saying("yes")).await;
    lenient.ask(CHAT, body.clone()).await;
    assert_eq!(lenient.metric("penstock_unknown_request_fields_total").await, 1.0);
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
    loop {
        tokio::select! {
            biased;
            () = full.until("penstock_admission_permits_in_use", 2.0) => break,
            _ = &mut first => panic!("answered before a step"),
            _ = &mut second => panic!("answered before a step"),
        }
    }
    let refused = loop {
        // Both hold a permit before the engine holds their choices.
        if full.model.engine().stats().held_requests == 256 {
            break tokio::select! {
                refused = many() => refused,
                _ = &mut first => panic!("answered before a step"),
                _ = &mut second => panic!("answered before a step"),
            };
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    drop(latch);

    server.model.engine().shutdown();
    let (status, error) = told(server.send(CHAT, question(json!({}))).await).await;
    assert_eq!((status, &error["code"]), (503, &json!("shutting_down")));
}
