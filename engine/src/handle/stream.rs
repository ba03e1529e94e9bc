//! [`TokenStream`]: the reader's end of one generation.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use flume::Receiver;
use flume::r#async::RecvStream;
use futures_core::Stream;

use crate::error::EngineError;
use crate::event::TokenEvent;

/// The events of one generation: tokens as they are sampled, then exactly one terminal event, then
/// nothing. Dropping it cancels the generation within one step.
#[derive(Debug)]
pub struct TokenStream {
    /// `None` after the terminal event.
    events: Option<RecvStream<'static, TokenEvent>>,
}

impl TokenStream {
    pub(super) fn new(events: Receiver<TokenEvent>) -> Self {
        Self {
            events: Some(events.into_stream()),
        }
    }

    /// The next event; `None` after the terminal one. Cancel safe: no event is lost when the future
    /// is dropped.
    pub async fn next(&mut self) -> Option<TokenEvent> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The next event, waiting for it on this thread; `None` after the terminal one. For callers
    /// outside of async code.
    pub fn recv(&mut self) -> Option<TokenEvent> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut cx = Context::from_waker(&waker);
        let mut next = pin!(self.next());
        loop {
            match next.as_mut().poll(&mut cx) {
                Poll::Ready(event) => return event,
                Poll::Pending => thread::park(),
            }
        }
    }
}

impl Stream for TokenStream {
    type Item = TokenEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<TokenEvent>> {
        let this = self.get_mut();
        let Some(events) = &mut this.events else {
            return Poll::Ready(None);
        };
        let Poll::Ready(event) = Pin::new(events).poll_next(cx) else {
            return Poll::Pending;
        };
        // A channel that closes without a terminal event belonged to a thread that is gone (E5).
        let event = event.unwrap_or(TokenEvent::Failed(EngineError::ShuttingDown));
        if is_terminal(&event) {
            this.events = None;
        }
        Poll::Ready(Some(event))
    }
}

fn is_terminal(event: &TokenEvent) -> bool {
    match event {
        TokenEvent::Done { .. } | TokenEvent::Failed(_) => true,
        TokenEvent::Prompt(_) | TokenEvent::Token { .. } => false,
    }
}

/// Wakes the thread that waits in [`TokenStream::recv`].
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
