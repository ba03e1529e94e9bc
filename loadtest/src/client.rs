//! One request: sent, its answer read to the end and timed.

use std::time::Duration;

use futures::StreamExt;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use thiserror::Error;
use tokio::time::{Instant, timeout};

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

/// Sends `body` to `url` and reads the stream.
pub(crate) async fn send(
    client: &Client,
    url: &str,
    body: &Value,
    limit: Duration,
) -> Result<Sample, Failure> {
    let answer = async {
        let start = Instant::now();
        let response = client.post(url).json(body).send().await?;
        read(accept(response).await?, start).await
    };
    timeout(limit, answer)
        .await
        .map_err(|_| Failure::TooSlow(limit))?
}

/// A response that is a stream of events.
async fn accept(response: Response) -> Result<Response, Failure> {
    let status = response.status();
    if status != StatusCode::OK {
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

async fn read(response: Response, start: Instant) -> Result<Sample, Failure> {
    let mut reader = SseReader::default();
    let mut timeline = Timeline::new(start);
    let mut bytes = response.bytes_stream();
    let mut events = Vec::new();
    while let Some(piece) = bytes.next().await {
        let (piece, now) = (piece?, Instant::now());
        reader.push(&piece, &mut events)?;
        for event in events.drain(..) {
            timeline.frame(&event.data, now)?;
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

    fn frame(&mut self, data: &str, now: Instant) -> Result<(), Failure> {
        if self.done {
            return Err(Failure::AfterDone);
        }
        if data == "[DONE]" {
            self.done = true;
            return Ok(());
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
        if frame.choices.iter().any(|choice| !choice.text().is_empty()) {
            self.frames_with_text += 1;
            match self.last_text.replace(now) {
                None => self.sample.ttft = now - self.start,
                Some(last) => self.sample.gaps.push(now - last),
            }
        }
        Ok(())
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
