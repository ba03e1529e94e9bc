//! An answer while it is being made.

use std::fmt;
use std::pin::Pin;
use std::task::Poll;

use futures::{Stream, StreamExt};

use crate::stage::StageError;

/// The pieces of a text as they come. Whatever must live as long as it does (a place at a replica, a
/// generation) lives in the stream, and goes with it when it is dropped.
pub struct Answer {
    events: AnswerStream,
}

/// What an answer's reader reads. It ends behind [`AnswerEvent::Finished`] or behind an error, of
/// which there is exactly one (E5).
pub type AnswerStream = Pin<Box<dyn Stream<Item = Result<AnswerEvent, StageError>> + Send>>;

/// One event of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerEvent {
    /// More text.
    Text(String),
    /// It is complete.
    Finished(Completion),
}

/// Why an answer is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// It came to its end.
    Stop,
    /// It came to its longest length.
    Length,
}

impl Answer {
    /// An answer of these events.
    pub fn new(
        events: impl Stream<Item = Result<AnswerEvent, StageError>> + Send + 'static,
    ) -> Self {
        Self {
            events: Box::pin(events),
        }
    }

    /// A text that is known already.
    pub fn of(text: impl Into<String>) -> Self {
        let events = [
            AnswerEvent::Text(text.into()),
            AnswerEvent::Finished(Completion::Stop),
        ];
        Self::new(futures::stream::iter(events.map(Ok)))
    }

    /// The events.
    pub fn into_stream(self) -> AnswerStream {
        self.events
    }

    /// The same, which lets go of `guard` when it has ended or is dropped.
    #[must_use]
    pub fn holding(self, guard: impl Send + Unpin + 'static) -> Self {
        self.telling(guard, |_| {})
    }

    /// The same, which also tells `guard` of each piece of text.
    #[must_use]
    pub fn telling<G: Send + Unpin + 'static>(
        self,
        guard: G,
        mut tell: impl FnMut(&mut G) + Send + Unpin + 'static,
    ) -> Self {
        let mut held = Some(guard);
        let mut events = self.events;
        Self::new(futures::stream::poll_fn(move |cx| {
            let event = events.poll_next_unpin(cx);
            let ends = matches!(
                event,
                Poll::Ready(None | Some(Err(_) | Ok(AnswerEvent::Finished(_))))
            );
            if ends {
                drop(held.take());
            } else if let (Poll::Ready(_), Some(held)) = (&event, &mut held) {
                tell(held);
            }
            event
        }))
    }

    /// The whole text.
    ///
    /// # Errors
    /// That of the stage that makes it.
    pub async fn text(mut self) -> Result<String, StageError> {
        let mut text = String::new();
        while let Some(event) = self.events.next().await {
            match event? {
                AnswerEvent::Text(piece) => text.push_str(&piece),
                AnswerEvent::Finished(_) => break,
            }
        }
        Ok(text)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer")
    }
}
