//! One line: through the routes that HTTP's requests take, and into the words of the output file.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request as HttpRequest;
use axum::http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::time::sleep;
use tower::ServiceExt;

use super::gate::LinePermit;
use super::jsonl::Span;
use super::prove::{self, Request};
use crate::error::ApiError;
use crate::http::X_REQUEST_ID;
use crate::state::SharedState;
use crate::store::{Outcome, StoreError};

/// Bytes of one answer.
const MAX_ANSWER: usize = 64 << 20;
/// Times that a line is tried whose answer is that there is no room, or that nothing serves it now.
const MAX_TRIES: u32 = 10;
/// Longest pause between two tries.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// What lines of one batch share.
pub(super) struct Source {
    pub(super) state: SharedState,
    pub(super) router: Router,
    pub(super) endpoint: String,
    pub(super) input: File,
    pub(super) spans: Vec<Span>,
}

/// How a try ended.
pub(super) enum Tried {
    /// For good.
    Done(Outcome),
    /// The slot was given up; nothing is known of the line.
    GaveWay(u32),
    /// To be tried again, after so many tries.
    Again(u32, u32),
}

/// A line that was read.
struct Answer {
    status: u16,
    request_id: String,
    body: Value,
}

/// Why a line has no answer and gets none.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unanswered {
    /// The batch was cancelled.
    Cancelled,
    /// Its window is over.
    Expired,
}

impl Source {
    /// Answers a line that was tried `tries` times before.
    pub(super) async fn answer(
        self: Arc<Self>,
        line: u32,
        tries: u32,
        permit: LinePermit,
    ) -> Result<Tried, StoreError> {
        let request = self.read(line).await?;
        let Request { custom_id, body } = request;
        let answer = tokio::select! {
            biased;
            answer = self.ask(body) => answer,
            () = permit.given_up() => return Ok(Tried::GaveWay(line)),
        };
        drop(permit);
        let tries = tries + 1;
        // No room, or nothing that serves: both may pass.
        if matches!(answer.status, 429 | 503) && tries < MAX_TRIES {
            let pause = self.state.config().retry_after * 2_u32.saturating_pow(tries - 1);
            sleep(pause.min(MAX_PAUSE)).await;
            return Ok(Tried::Again(line, tries));
        }
        let told = json!({
            "id": self.state.edge().id("batch_req_"),
            "custom_id": custom_id,
            "response": {
                "status_code": answer.status,
                "request_id": answer.request_id,
                "body": answer.body,
            },
            "error": null,
        });
        Ok(Tried::Done(Outcome {
            line,
            ok: answer.status == 200,
            text: serde_json::to_vec(&told)?,
        }))
    }

    /// What stands in the file of errors for a line that is not answered any more.
    pub(super) async fn unanswered(
        self: &Arc<Self>,
        line: u32,
        why: Unanswered,
    ) -> Result<Outcome, StoreError> {
        let request = self.read(line).await?;
        let (code, message) = match why {
            Unanswered::Cancelled => (
                "batch_cancelled",
                "This request was not executed before the batch was cancelled.",
            ),
            Unanswered::Expired => (
                "batch_expired",
                "This request could not be executed before the completion window expired.",
            ),
        };
        let told = json!({
            "id": self.state.edge().id("batch_req_"),
            "custom_id": request.custom_id,
            "response": null,
            "error": {"code": code, "message": message},
        });
        Ok(Outcome {
            line,
            ok: false,
            text: serde_json::to_vec(&told)?,
        })
    }

    async fn read(self: &Arc<Self>, line: u32) -> Result<Request, StoreError> {
        let source = Arc::clone(self);
        let read = move || {
            let gone = || StoreError::Failed(format!("line {line} of the input is not there"));
            let span = source.spans.get(line as usize).ok_or_else(gone)?;
            let mut bytes = vec![0; span.len];
            source.input.read_exact_at(&mut bytes, span.at)?;
            // It was proved before the batch began.
            prove::request(bytes.trim_ascii(), &source.endpoint)
                .map_err(|(_, message, _)| StoreError::Failed(message))
        };
        self.state.store().run(move |_| read()).await
    }

    async fn ask(&self, body: serde_json::Map<String, Value>) -> Answer {
        let asks = |name: &&str| body.get(*name) == Some(&Value::Bool(true));
        if let Some(name) = ["stream", "background"].into_iter().find(asks) {
            let message = format!("a line of a batch is answered in one piece; leave {name} out");
            return Answer::of(&ApiError::invalid(name, message));
        }
        let bytes = Value::Object(body).to_string();
        let request = HttpRequest::post(&*self.endpoint)
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(bytes));
        let request = match request {
            Ok(request) => request,
            Err(error) => return Answer::of(&ApiError::Internal(error.to_string())),
        };
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let status = response.status().as_u16();
        let id = response.headers().get(X_REQUEST_ID);
        let request_id = id.and_then(|id| id.to_str().ok()).unwrap_or_default();
        let request_id = request_id.to_owned();
        let body = to_bytes(response.into_body(), MAX_ANSWER).await;
        let body = body.map_err(|error| error.to_string());
        let body = body.and_then(|b| serde_json::from_slice(&b).map_err(|error| error.to_string()));
        match body {
            Ok(body) => Answer {
                status,
                request_id,
                body,
            },
            Err(error) => Answer::of(&ApiError::Internal(error)),
        }
    }
}

impl Answer {
    fn of(error: &ApiError) -> Self {
        Self {
            status: error.status_code(),
            request_id: String::new(),
            body: json!(error.body()),
        }
    }
}
