//! Answers as servers send them, over a real socket.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A client's reading of one answer: status line, content type, body.
async fn answer(status: &str, kind: &str, body: &str) -> Result<Sample, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer =
        format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n{body}");
    let serving = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"{}") {
            let mut buffer = [0; 1024];
            let count = socket.read(&mut buffer).await.unwrap();
            assert!(count > 0, "the request ends early");
            request.extend_from_slice(&buffer[..count]);
        }
        // In two parts, the cut anywhere.
        let (a, b) = answer.as_bytes().split_at(answer.len() * 2 / 3);
        socket.write_all(a).await.unwrap();
        socket.flush().await.unwrap();
        socket.write_all(b).await.unwrap();
        socket.shutdown().await.unwrap();
    };
    let caller = Caller::new(&url, Duration::from_secs(60)).unwrap();
    let (path, body) = ("/v1/completions", json!({}));
    let request = Request { path, body };
    tokio::join!(serving, caller.send(&request)).1
}

async fn stream(frames: &[&str]) -> Result<Sample, Failure> {
    let body: String = frames
        .iter()
        .map(|frame| format!("data: {frame}\n\n"))
        .collect();
    answer("200 OK", "text/event-stream; charset=utf-8", &body).await
}

const A: &str = r#"{"choices":[{"index":0,"text":"a","finish_reason":null}]}"#;
const END: &str = r#"{"choices":[{"index":0,"text":"","finish_reason":"length"}]}"#;
const USAGE: &str =
    r#"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}"#;

#[tokio::test]
async fn a_completion_is_timed_and_counted() {
    let sample = stream(&[A, A, A, END, USAGE, "[DONE]"]).await.unwrap();
    assert_eq!(sample.gaps.len(), 2);
    assert_eq!((sample.prompt_tokens, sample.output_tokens), (Some(5), 7));
    assert!(sample.ttft > Duration::ZERO && sample.total >= sample.ttft);
}

#[tokio::test]
async fn a_chat_is_read_and_frames_are_counted_without_usage() {
    let role =
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"usage":null}"#;
    let word = r#"{"choices":[{"index":0,"delta":{"content":"hi"}}]}"#;
    let end = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    let sample = stream(&[role, word, word, end, "[DONE]"]).await.unwrap();
    assert_eq!(
        (
            sample.prompt_tokens,
            sample.output_tokens,
            sample.gaps.len()
        ),
        (None, 2, 1)
    );
}

#[tokio::test]
async fn what_is_wrong_with_an_answer_is_named() {
    let failure = async |frames: &[&str]| stream(frames).await.unwrap_err().to_string();
    assert_eq!(failure(&[A, END]).await, "the stream ends without [DONE]");
    assert_eq!(
        failure(&[A, "[DONE]"]).await,
        "the answer has no finish_reason"
    );
    assert_eq!(failure(&[END, "[DONE]"]).await, "the answer has no text");
    assert_eq!(
        failure(&[A, END, "[DONE]", A]).await,
        "something comes after [DONE]"
    );
    let error = failure(&[A, r#"{"error":{"message":"out of memory"}}"#, "[DONE]"]).await;
    assert!(error.contains("out of memory"), "{error}");
    assert!(failure(&["{"]).await.contains("not what the API says"));

    let full = answer(
        "429 Too Many Requests",
        "application/json",
        "{\"error\": \"full\"}",
    )
    .await;
    let full = full.unwrap_err().to_string();
    assert!(full.contains("429") && full.contains("full"), "{full}");
    let plain = answer("200 OK", "application/json", "{}")
        .await
        .unwrap_err();
    assert!(matches!(plain, Failure::NotAStream { .. }), "{plain}");
}
