//! A server with a data folder, and what tests of files and batches ask of it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::testing::FakeModel;
use gateway::{Edge, Gateway, GatewayConfig, Telemetry};
use serde_json::Value;
use uuid::Uuid;

use crate::fixture::{Server, text_model};

/// Seconds since 1970 that a test sets.
#[derive(Clone)]
pub(crate) struct Clock(Arc<AtomicU64>);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1_700_000_000)))
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

/// A server that keeps things in `folder`, and has an id for each.
pub(crate) async fn keeping(folder: &Path, fake: FakeModel) -> Server {
    configured(folder, fake, GatewayConfig::default(), &Clock::new()).await
}

pub(crate) async fn configured(
    folder: &Path,
    fake: FakeModel,
    config: GatewayConfig,
    clock: &Clock,
) -> Server {
    let clock = clock.clone();
    let now = move || clock.0.load(Ordering::Relaxed);
    let config = GatewayConfig {
        data_dir: Some(folder.to_owned()),
        ..config
    };
    let edge = Edge::new(|| Uuid::new_v4().as_u128(), now);
    let state = Arc::new(Gateway::new(config, edge, Telemetry::new()));
    let model = text_model(fake);
    state.serve(vec![model.clone()], []).unwrap();
    Server::of(state, model).await
}

/// A form with these fields and, if there is one, a file.
pub(crate) fn form(fields: &[(&str, &str)], file: Option<&[u8]>) -> (String, Vec<u8>) {
    let boundary = "a-line-that-no-file-has";
    let mut body = Vec::new();
    if let Some(file) = file {
        let head = "Content-Disposition: form-data; name=\"file\"; filename=\"in.jsonl\"";
        body.extend(format!("--{boundary}\r\n{head}\r\n\r\n").bytes());
        body.extend(file);
        body.extend(b"\r\n");
    }
    for (name, value) in fields {
        let head = format!("Content-Disposition: form-data; name=\"{name}\"");
        body.extend(format!("--{boundary}\r\n{head}\r\n\r\n{value}\r\n").bytes());
    }
    body.extend(format!("--{boundary}--\r\n").bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

impl Server {
    /// Sends a form to `/v1/files`.
    pub(crate) async fn send_form(&self, (kind, body): (String, Vec<u8>)) -> (u16, Value) {
        let url = format!("{}/v1/files", self.url);
        let request = self
            .client
            .post(url)
            .header("content-type", kind)
            .body(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Uploads lines for a batch, and returns the file's id.
    pub(crate) async fn upload(&self, lines: &str) -> String {
        let form = form(&[("purpose", "batch")], Some(lines.as_bytes()));
        let (status, file) = self.send_form(form).await;
        assert_eq!(status, 200, "{file}");
        file["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn fetch(&self, path: &str) -> (u16, Value) {
        let response = self.get(path).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// The lines of a file, each read as JSON.
    pub(crate) async fn lines(&self, id: &Value) -> Vec<Value> {
        let path = format!("/v1/files/{}/content", id.as_str().unwrap());
        let text = self.get(&path).send().await.unwrap().text().await.unwrap();
        text.lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect()
    }

    /// Looks at a batch until it is as wanted. Each look is a request, so nothing spins.
    pub(crate) async fn batch_until(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/v1/batches/{id}");
        for _ in 0..100_000 {
            let (_, batch) = self.fetch(&path).await;
            if wanted(&batch) {
                return batch;
            }
        }
        panic!("it never came so far: {}", self.fetch(&path).await.1);
    }

    pub(crate) async fn batch_ended(&self, id: &str) -> Value {
        let open = ["validating", "in_progress", "finalizing", "cancelling"];
        self.batch_until(id, |b| !open.contains(&b["status"].as_str().unwrap()))
            .await
    }
}
