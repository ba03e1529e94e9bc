//! Events become frames, and frames a response body.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use futures::stream::unfold;
use llm_apps::stage::generate::TextEvent;
use metrics::Gauge;
use tokio::time::timeout;

use super::frames::Frames;
use crate::error::ApiError;
use crate::generation::{Answers, Tally};
use crate::state::Gateway;

/// Tells nginx and its kin not to gather the stream.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Bytes after which what has gathered goes out.
const PIECE: usize = 16 << 10;

/// How an endpoint writes its chunks.
pub(crate) trait Encode: Send + 'static {
    /// Appends the chunks of an event of `choice`.
    fn event(&mut self, choice: usize, event: TextEvent, tally: &Tally, out: &mut Frames);

    /// Appends what comes after the last choice has ended, and before [`done`](Self::done).
    fn end(&mut self, tally: &Tally, out: &mut Frames);

    /// Appends an error, after which nothing comes.
    fn failed(&mut self, error: &ApiError, out: &mut Frames) {
        out.data(&error.body());
    }

    /// Appends what says that the answer is whole.
    fn done(&mut self, out: &mut Frames) {
        out.done();
    }
}

/// The response that streams `answers`.
pub(crate) fn respond(state: &Gateway, answers: Answers, encode: impl Encode) -> Response {
    let stream = EventStream {
        answers,
        encode,
        frames: Frames::default(),
        ended: false,
        keep_alive: state.config().keep_alive_interval,
        _open: OpenStream::new(state.telemetry().open_streams.clone()),
    };
    response(Body::from_stream(unfold(stream, EventStream::next)))
}

/// The response with a stream's headers.
pub(super) fn response(body: Body) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-cache"),
        (X_ACCEL_BUFFERING, "no"),
    ];
    (headers, body).into_response()
}

/// A response body in the making; it owns all that the request holds.
struct EventStream<E> {
    answers: Answers,
    encode: E,
    frames: Frames,
    ended: bool,
    keep_alive: Duration,
    _open: OpenStream,
}

impl<E: Encode> EventStream<E> {
    /// The next piece of the body, and what goes on after it.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if self.ended {
            return None;
        }
        match timeout(self.keep_alive, self.answers.next()).await {
            Err(_silence) => self.frames.keep_alive(),
            Ok(event) => {
                self.read(event);
                self.gather();
            }
        }
        Some((Ok(self.frames.take()), self))
    }

    /// Reads what is there already, without waiting for more.
    fn gather(&mut self) {
        while !self.ended && self.frames.len() < PIECE {
            let Some(event) = self.answers.next().now_or_never() else {
                return;
            };
            self.read(event);
        }
    }

    fn read(&mut self, event: Option<Result<(usize, TextEvent), ApiError>>) {
        match event {
            Some(Ok((choice, event))) => {
                let tally = self.answers.tally();
                self.encode.event(choice, event, tally, &mut self.frames);
            }
            Some(Err(error)) => {
                self.encode.failed(&error, &mut self.frames);
                self.ended = true;
            }
            None => {
                self.encode.end(self.answers.tally(), &mut self.frames);
                self.encode.done(&mut self.frames);
                self.ended = true;
            }
        }
    }
}

/// Counts an open stream.
pub(super) struct OpenStream(Gauge);

impl OpenStream {
    pub(super) fn new(gauge: Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
