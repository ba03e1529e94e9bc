//! Streams, byte for byte and by meaning.

use std::fmt::Write;
use std::time::Duration;

use engine::testing::FakeModel;
use futures::StreamExt;
use futures::future::join_all;
use gateway::GatewayConfig;
use serde_json::{Value, json};

use crate::fixture::{Server, chunks, drawing, holding_after, question, saying};

const CHAT: &str = "/v1/chat/completions";
const COMPLETIONS: &str = "/v1/completions";

/// The whole text of a stream, after a look at its headers.
async fn stream(server: &Server, path: &str, mut body: Value) -> String {
    body["stream"] = json!(true);
    let response = server.send(path, body).await;
    assert_eq!(response.status(), 200);
    let headers = response.headers().clone();
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-cache"),
        ("x-accel-buffering", "no"),
    ] {
        assert_eq!(headers[name], value);
    }
    assert!(headers.contains_key("x-request-id"));
    response.text().await.unwrap()
}

/// A recorded stream: file, its text, model, path, request.
type Recorded = (&'static str, &'static str, FakeModel, &'static str, Value);

fn recorded() -> Vec<Recorded> {
    vec![
        (
            "chat.sse",
            include_str!("golden/chat.sse"),
            saying("Hé!"),
            CHAT,
            question(json!({"temperature": 0})),
        ),
        (
            "chat_usage.sse",
            include_str!("golden/chat_usage.sse"),
            saying("Hi"),
            CHAT,
            question(json!({"temperature": 0, "stream_options": {"include_usage": true}})),
        ),
        (
            "chat_continuous_usage.sse",
            include_str!("golden/chat_continuous_usage.sse"),
            saying("Hi"),
            CHAT,
            question(json!({"temperature": 0, "max_tokens": 1, "stream_options":
                {"include_usage": true, "continuous_usage_stats": true}})),
        ),
        (
            "completion_echo.sse",
            include_str!("golden/completion_echo.sse"),
            saying("34"),
            COMPLETIONS,
            json!({"prompt": "12", "echo": true, "max_tokens": 1, "temperature": 0,
                   "stream_options": {"include_usage": true}}),
        ),
        (
            "completion_stop.sse",
            include_str!("golden/completion_stop.sse"),
            saying("one, two, three"),
            COMPLETIONS,
            json!({"prompt": "0", "stop": ", th", "temperature": 0}),
        ),
    ]
}

#[tokio::test]
async fn transcripts_are_as_recorded() {
    let mut changed = String::new();
    for (file, golden, fake, path, body) in recorded() {
        let server = Server::start(fake).await;
        let transcript = stream(&server, path, body).await;
        let transcript = transcript.replace(env!("CARGO_PKG_VERSION"), "VERSION");
        if transcript != golden {
            writeln!(changed, "=== golden/{file} is now\n{transcript}").unwrap();
        }
    }
    assert!(changed.is_empty(), "{changed}");
}

#[tokio::test]
async fn a_character_of_many_tokens_comes_whole() {
    let text = "naïve 😀 日本 e\u{301}";
    let server = Server::start(saying(text)).await;
    let transcript = stream(&server, CHAT, question(json!({"temperature": 0}))).await;
    let pieces: Vec<String> = chunks(&transcript)
        .iter()
        .filter_map(|c| c["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(pieces.concat(), text);
    assert!(pieces.iter().all(|p| !p.contains('\u{fffd}')), "{pieces:?}");
}

#[tokio::test]
async fn two_choices_in_one_stream_are_those_of_the_answer_in_one_piece() {
    let server = Server::start(drawing()).await;
    let body = question(json!({"n": 2, "seed": 3, "max_tokens": 32, "logprobs": true}));
    let transcript = stream(&server, CHAT, body.clone()).await;
    let whole = server.ask(CHAT, body).await;
    let chunks = chunks(&transcript);
    for index in 0..2_usize {
        let own: Vec<&Value> =
            chunks.iter().map(|c| &c["choices"][0]).filter(|c| c["index"] == index).collect();
        assert_eq!(own[0]["delta"], json!({"role": "assistant", "content": ""}));
        let text: String = own.iter().filter_map(|c| c["delta"]["content"].as_str()).collect();
        let choice = &whole["choices"][index];
        assert_eq!(text, choice["message"]["content"].as_str().unwrap());
        let logprobs: Vec<Value> = own
            .iter()
            .filter_map(|c| c["logprobs"]["content"].as_array())
            .flatten()
            .cloned()
            .collect();
        assert_eq!(&logprobs, choice["logprobs"]["content"].as_array().unwrap());
        let (last, before) = own.split_last().unwrap();
        assert_eq!(last["finish_reason"], choice["finish_reason"]);
        assert!(before.iter().all(|c| c["finish_reason"].is_null()));
    }
}

#[tokio::test]
async fn a_streamed_completion_is_the_completion() {
    let server = Server::start(drawing()).await;
    let body = json!({"prompt": "ab", "seed": 5, "max_tokens": 16, "logprobs": 1, "echo": true});
    let transcript = stream(&server, COMPLETIONS, body.clone()).await;
    let whole = server.ask(COMPLETIONS, body).await["choices"][0].clone();
    let chunks = chunks(&transcript);
    let text: String = chunks.iter().filter_map(|c| c["choices"][0]["text"].as_str()).collect();
    assert_eq!(text, whole["text"].as_str().unwrap());
    for list in ["tokens", "text_offset", "token_logprobs", "top_logprobs"] {
        let streamed: Vec<Value> = chunks
            .iter()
            .filter_map(|c| c["choices"][0]["logprobs"][list].as_array())
            .flatten()
            .cloned()
            .collect();
        assert_eq!(&streamed, whole["logprobs"][list].as_array().unwrap(), "{list}");
    }
}

#[tokio::test]
async fn sixty_four_streams_finish() {
    let server = Server::start(drawing()).await;
    let bodies = (0..64).map(|seed| {
        let body = question(json!({"seed": seed, "max_tokens": 32, "ignore_eos": true}));
        stream(&server, CHAT, body)
    });
    for transcript in join_all(bodies).await {
        let chunks = chunks(&transcript);
        assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "length");
    }
    server.until("penstock_admission_permits_in_use", 0.0).await;
    assert_eq!(server.metric("penstock_generation_tokens_total").await, 2048.0);
}

#[tokio::test]
async fn silence_is_filled_with_comments() {
    let config = GatewayConfig {
        keep_alive_interval: Duration::from_millis(1),
        ..GatewayConfig::default()
    };
    let (fake, gate) = holding_after(1, saying("Hi"));
    let server = Server::configured(fake, config).await;
    let response = server.send(CHAT, question(json!({"stream": true, "temperature": 0}))).await;
    let mut body = response.bytes_stream();
    let mut text = String::new();
    while !text.contains("\n\n: keep-alive\n\n") {
        text.push_str(std::str::from_utf8(&body.next().await.unwrap().unwrap()).unwrap());
    }
    drop(gate);
    while let Some(piece) = body.next().await {
        text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
    }
    let said: String = chunks(&text)
        .iter()
        .filter_map(|c| c["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(said, "Hi");
}

/// Fails the step after `good` ones.
fn failing_after(good: usize) -> FakeModel {
    let mut steps = 0;
    saying("Hello").on_step(move |_| {
        steps += 1;
        if steps > good {
            let why = "the test says so".to_owned();
            return Err(engine::ModelError::Plan { why });
        }
        Ok(())
    })
}

#[tokio::test]
async fn a_failure_before_the_first_token_has_its_status() {
    for streamed in [true, false] {
        let server = Server::start(failing_after(0)).await;
        let response = server.send(CHAT, question(json!({"stream": streamed}))).await;
        assert_eq!(response.status(), 500);
        let error: Value = response.json().await.unwrap();
        assert_eq!(error["error"]["type"], "server_error");
    }
}

#[tokio::test]
async fn a_failure_after_the_first_token_is_a_last_frame_without_done() {
    let server = Server::start(failing_after(3)).await;
    let body = question(json!({"temperature": 0}));
    let transcript = stream(&server, CHAT, body).await;
    let frames = crate::fixture::frames(&transcript);
    let (last, before) = frames.split_last().unwrap();
    let error: Value = serde_json::from_str(last).unwrap();
    assert_eq!(error["error"]["type"], "server_error");
    assert_eq!(error["error"]["code"], "internal_error");
    assert!(!before.is_empty() && before.iter().all(|f| f.contains("chat.completion.chunk")));
    server.until("penstock_admission_permits_in_use", 0.0).await;
    assert_eq!(server.metric("penstock_request_failure_total").await, 1.0);
}
