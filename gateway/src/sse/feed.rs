//! Streams whose frames come from elsewhere than from one request's own answers.

use std::convert::Infallible;
use std::future::Future;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::stream::unfold;
use tokio::time::timeout;

use super::frames::Frames;
use super::stream::{OpenStream, response};
use crate::state::Gateway;

/// Where frames come from.
pub(crate) trait Feed: Send + 'static {
    /// Waits for more frames and appends them; returns whether more may come. Cancel safe.
    fn feed(&mut self, out: &mut Frames) -> impl Future<Output = bool> + Send;
}

/// The response that streams what `feed` has. Dropping it drops that.
pub(crate) fn respond_with(state: &Gateway, feed: impl Feed) -> Response {
    let silence = state.config().keep_alive_interval;
    let open = OpenStream::new(state.telemetry().open_streams.clone());
    let pieces = unfold(Some((feed, open)), move |source| async move {
        let (mut feed, open) = source?;
        let mut frames = Frames::default();
        let goes_on = match timeout(silence, feed.feed(&mut frames)).await {
            Err(_silence) => {
                frames.keep_alive();
                true
            }
            Ok(goes_on) => goes_on,
        };
        let piece: Result<Bytes, Infallible> = Ok(frames.take());
        Some((piece, goes_on.then_some((feed, open))))
    });
    response(Body::from_stream(pieces))
}
