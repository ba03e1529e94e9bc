//! One request: sent, its answer read to the end and timed.

use std::error::Error;
use std::iter;
use std::time::Duration;

use futures::StreamExt;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use thiserror::Error;
use tokio::time::{Instant, timeout};

use crate::request::Request;
use crate::sse::{SseError, SseReader};
use crate::wire::{Frame, Usage};

/// How an answer came.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sample {
    /// From sending the request to the first text.
    pub(crate) ttft: Duration,
    /// Between one frame with text and the next.
    pub(crate) gaps: Vec<Duration>,
    /// From sending the request to the end of the stream.
    pub(crate) total: Duration,
    /// Tokens of the prompt as the server counts them, if it does.
    pub(crate) prompt_tokens: Option<u64>,
    /// Tokens of the answer as the server counts them; frames with text, if it does not.
    pub(crate) output_tokens: u64,
}

/// Why a request did not succeed.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("the connection failed")]
    Http(#[from] reqwest::Error),
    #[error("the answer has status {status}: {body}")]
    Status { status: StatusCode, body: String },
    #[error("the answer is {found:?}, not an event stream")]
    NotAStream { found: String },
    #[error(transparent)]
    Sse(#[from] SseError),
    #[error("a frame is not what the API says ({error}): {frame}")]
    Frame {
        error: serde_json::Error,
        frame: String,
    },
    #[error("the server ended the answer with an error: {0}")]
    Server(Value),
    #[error("the stream ends without [DONE]")]
    NotDone,
    #[error("something comes after [DONE]")]
    AfterDone,
    #[error("the answer has no finish_reason")]
    NoFinish,
    #[error("the answer has no text")]
    NoText,
    #[error("the answer took longer than {0:?}")]
    TooSlow(Duration),
}

/// Who is asked: a server and the patience to wait for it.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    client: Client,
    /// The server's address, without a path.
    url: String,
    /// How long an answer may take.
    limit: Duration,
}

impl Caller {
    /// A caller of the server at `url`.
    pub(crate) fn new(url: &str, limit: Duration) -> Result<Self, Failure> {
        let client = Client::builder()
            .no_proxy()
            // A connection for each request: a server may close an idle one just when it is used
            // again, and that would be counted as its failure.
            .pool_max_idle_per_host(0)
            .build()?;
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self { client, url, limit })
    }

    /// Sends the request and reads the stream to its end.
    pub(crate) async fn send(&self, request: &Request) -> Result<Sample, Failure> {
        self.watch(request, |_| {}).await
    }

    /// As [`send`](Self::send), telling `seen` of each frame with text when it comes.
    pub(crate) async fn watch(
        &self,
        request: &Request,
        seen: impl FnMut(Instant),
    ) -> Result<Sample, Failure> {
        let url = format!("{}{}", self.url, request.path);
        let answer = async {
            let start = Instant::now();
            let response = self.client.post(url).json(&request.body).send().await?;
            read(accept(response).await?, start, seen).await
        };
        timeout(self.limit, answer)
            .await
            .map_err(|_| Failure::TooSlow(self.limit))?
    }
}

impl Failure {
    /// Whether this is what a server says that is still starting: nothing, or that it (or its model)
    /// is not there yet.
    pub(crate) fn is_starting(&self) -> bool {
        match self {
            Self::Http(error) => error.is_connect(),
            Self::Status { status, .. } => matches!(status.as_u16(), 404 | 503),
            Self::NotAStream { .. }
            | Self::Sse(_)
            | Self::Frame { .. }
            | Self::Server(_)
            | Self::NotDone
            | Self::AfterDone
            | Self::NoFinish
            | Self::NoText
            | Self::TooSlow(_) => false,
        }
    }

    /// The failure with its causes.
    pub(crate) fn in_full(&self) -> String {
        let causes = iter::successors(self.source(), |&error| error.source());
        causes.fold(self.to_string(), |text, cause| format!("{text}: {cause}"))
    }
}

/// A response that is a stream of events.
async fn accept(response: Response) -> Result<Response, Failure> {
    let status = response.status();
    if status.as_u16() != 200 {
        let body = response.text().await.unwrap_or_default();
        let body = body.chars().take(500).collect();
        return Err(Failure::Status { status, body });
    }
    let kind = response.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("text/event-stream") {
        let found = kind.to_owned();
        return Err(Failure::NotAStream { found });
    }
    Ok(response)
}

async fn read(
    response: Response,
    start: Instant,
    mut seen: impl FnMut(Instant),
) -> Result<Sample, Failure> {
    let mut reader = SseReader::default();
    let mut timeline = Timeline::new(start);
    let mut bytes = response.bytes_stream();
    let mut events = Vec::new();
    while let Some(piece) = bytes.next().await {
        let (piece, now) = (piece?, Instant::now());
        reader.push(&piece, &mut events)?;
        for event in events.drain(..) {
            if timeline.frame(&event.data, now)? {
                seen(now);
            }
        }
    }
    reader.finish()?;
    timeline.finish(Instant::now())
}

/// What has been seen of an answer.
#[derive(Debug)]
struct Timeline {
    start: Instant,
    last_text: Option<Instant>,
    sample: Sample,
    frames_with_text: u64,
    usage: Option<Usage>,
    finished: bool,
    done: bool,
}

impl Timeline {
    fn new(start: Instant) -> Self {
        Self {
            start,
            last_text: None,
            sample: Sample::default(),
            frames_with_text: 0,
            usage: None,
            finished: false,
            done: false,
        }
    }

    /// Takes in a frame; whether it has text.
    fn frame(&mut self, data: &str, now: Instant) -> Result<bool, Failure> {
        if self.done {
            return Err(Failure::AfterDone);
        }
        if data == "[DONE]" {
            self.done = true;
            return Ok(false);
        }
        let frame: Frame = serde_json::from_str(data).map_err(|error| Failure::Frame {
            error,
            frame: data.chars().take(500).collect(),
        })?;
        if let Some(error) = frame.error {
            return Err(Failure::Server(error));
        }
        self.usage = frame.usage.or(self.usage);
        self.finished |= frame
            .choices
            .iter()
            .any(|choice| choice.finish_reason.is_some());
        let text = frame.choices.iter().any(|choice| !choice.text().is_empty());
        if text {
            self.frames_with_text += 1;
            match self.last_text.replace(now) {
                None => self.sample.ttft = now - self.start,
                Some(last) => self.sample.gaps.push(now - last),
            }
        }
        Ok(text)
    }

    fn finish(mut self, now: Instant) -> Result<Sample, Failure> {
        if !self.done {
            return Err(Failure::NotDone);
        }
        if !self.finished {
            return Err(Failure::NoFinish);
        }
        if self.last_text.is_none() {
            return Err(Failure::NoText);
        }
        self.sample.total = now - self.start;
        self.sample.prompt_tokens = self.usage.map(|usage| usage.prompt_tokens);
        let counted = self.usage.map(|usage| usage.completion_tokens);
        self.sample.output_tokens = counted.unwrap_or(self.frames_with_text);
        Ok(self.sample)
    }
}

#[cfg(test)]
mod tests;
