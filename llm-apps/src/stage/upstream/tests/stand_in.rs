//! A provider that answers as it is told, one connection after the other.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::payload::Payload;
use crate::stage::generate::GenerateOptions;
use crate::stage::upstream::{Secret, Upstream, UpstreamOptions, UpstreamStage};
use crate::stage::{Call, Stage, StageError};

/// The key that nobody but the provider may see.
pub(super) const KEY: &str = "sk-hush-hush";

/// What the provider does on a connection once it has read the request.
pub(super) enum Act {
    /// Writes this.
    Say(String),
    /// Waits until the test lets it go on.
    Wait(Arc<Notify>),
    /// Waits until the other side closes.
    UntilLeft,
}

pub(super) struct Provider {
    port: u16,
    tasks: JoinSet<Vec<String>>,
}

impl Provider {
    /// Each list is for one connection, which is closed at its end.
    pub(super) async fn doing(connections: Vec<Vec<Act>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut requests = Vec::new();
            for acts in connections {
                let (mut socket, _) = listener.accept().await.unwrap();
                requests.push(request(&mut socket).await);
                for act in acts {
                    match act {
                        Act::Say(text) => socket.write_all(text.as_bytes()).await.unwrap(),
                        Act::Wait(go) => go.notified().await,
                        Act::UntilLeft => drop(socket.read(&mut [0; 16]).await),
                    }
                }
            }
            requests
        });
        Self { port, tasks }
    }

    /// One answer for each connection.
    pub(super) async fn answering(answers: impl IntoIterator<Item = String>) -> Self {
        let acts = answers.into_iter().map(|answer| vec![Act::Say(answer)]);
        Self::doing(acts.collect()).await
    }

    pub(super) fn options(&self) -> UpstreamOptions {
        UpstreamOptions {
            api_key: Some(Secret::new(KEY)),
            model: "gpt-4o-mini".to_owned(),
            ..UpstreamOptions::new("gpt", format!("http://127.0.0.1:{}/v1", self.port))
        }
    }

    /// The requests, when all connections have ended.
    pub(super) async fn requests(mut self) -> Vec<String> {
        let joined = tokio::time::timeout(Duration::from_secs(60), self.tasks.join_next()).await;
        joined.expect("all connections came").unwrap().unwrap()
    }
}

/// Reads one request with its body.
async fn request(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut more = [0; 1024];
        let read = socket.read(&mut more).await.unwrap();
        bytes.extend_from_slice(&more[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        assert!(read > 0, "half a request: {text}");
    }
}

/// A whole answer without a stream.
pub(super) fn plain(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    )
}

/// The head of a stream, which ends with its connection.
pub(super) fn head() -> String {
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n".to_owned()
}

/// The head of a stream whose end must be said.
pub(super) fn chunked_head() -> String {
    head().replace("connection: close", "transfer-encoding: chunked")
}

/// A piece of such a stream.
pub(super) fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

pub(super) fn frame(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// A frame with text.
pub(super) fn says(text: &str) -> String {
    frame(
        &json!({"id": "1", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]}),
    )
}

/// The end of an answer, with what it cost.
pub(super) fn ends(reason: &str) -> String {
    let finish = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]});
    let usage = json!({"choices": [], "usage": {
        "prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": 3},
    }});
    format!("{}{}data: [DONE]\n\n", frame(&finish), frame(&usage))
}

pub(super) fn asking() -> Payload {
    let mut payload = Payload::new();
    payload.set("messages", json!([{"role": "user", "content": "Hi"}]));
    payload.set("prompt", "Once");
    payload
}

/// Has the provider answer `payload` as the stage says.
pub(super) async fn ask(
    options: UpstreamOptions,
    stage: GenerateOptions,
    payload: Payload,
    call: &Call,
) -> Result<Payload, StageError> {
    let stage = UpstreamStage::new(stage, Upstream::new(options).unwrap());
    stage.call(payload, call).await
}

/// The whole answer of a provider that is asked once.
pub(super) async fn answer_of(options: UpstreamOptions) -> Result<String, StageError> {
    let stage = GenerateOptions::new("gpt");
    let mut payload = ask(options, stage, asking(), &Call::new("1")).await?;
    payload.take_answer().unwrap().text().await
}
