//! The events of all choices of one HTTP request, and all that it holds while they come.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::SelectAll;
use futures::{Stream, StreamExt};
use llm_apps::stage::generate::TextEvent;
use tokio::time::Instant;

use super::ending::Ending;
use super::source::Source;
use super::tally::Tally;
use crate::admission::Permit;
use crate::error::ApiError;
use crate::telemetry::Meter;

/// A running request. Dropping it cancels it.
pub(crate) struct Answers {
    streams: SelectAll<Numbered>,
    /// The first event, until it is asked for.
    first: Option<Event>,
    ending: Ending,
    unfinished: usize,
    tally: Tally,
    meter: Meter,
    permit: Permit,
}

/// A choice's number among all of the HTTP request, and what happened to it. Never
/// [`TextEvent::Failed`]: that is an error of the whole request.
pub(crate) type Event = (usize, TextEvent);

/// The choices of one prompt; `first` is the number of their first.
struct Numbered {
    first: usize,
    source: Source,
}

impl Stream for Numbered {
    type Item = Result<Event, ApiError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let first = self.first;
        let number = |event: TextEvent| (first + event.choice() as usize, event);
        let event = Pin::new(&mut self.source).poll_next(cx);
        event.map(|event| event.map(|event| event.map(number)))
    }
}

impl Answers {
    /// `ending` ends the request when it must.
    pub(super) fn new(
        sources: Vec<Source>,
        (permit, ending): (Permit, Ending),
        meter: Meter,
        tally: Tally,
    ) -> Self {
        let numbered = tally.first_choices().zip(sources);
        let numbered = numbered.map(|(first, source)| Numbered { first, source });
        Self {
            streams: numbered.collect(),
            first: None,
            ending,
            unfinished: tally.choices(),
            tally,
            meter,
            permit,
        }
    }

    /// Waits until there is an event to begin with.
    ///
    /// # Errors
    /// The request failed before.
    pub(super) async fn wait_for_first(&mut self) -> Result<(), ApiError> {
        self.first = self.next().await.transpose()?;
        Ok(())
    }

    /// The next event; `None` when all choices are complete. After an error nothing comes any more.
    /// Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Result<Event, ApiError>> {
        if let Some(event) = self.first.take() {
            return Some(Ok(event));
        }
        tokio::select! {
            biased;
            error = &mut self.ending, if self.unfinished > 0 => Some(Err(self.fail(error))),
            event = self.streams.next() => {
                Some(match event? {
                    Ok((choice, event)) => Ok(self.account(choice, event)),
                    Err(error) => Err(self.fail(error)),
                })
            }
        }
    }

    /// What the request has cost so far.
    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The permit alone, for a body that needs nothing else any more.
    pub(crate) fn into_permit(self) -> Permit {
        self.permit
    }

    fn account(&mut self, choice: usize, event: TextEvent) -> Event {
        match &event {
            TextEvent::Prompt { .. } => {}
            TextEvent::Delta { tokens, .. } => {
                let tokens = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
                self.tally.grew(choice, tokens);
                self.meter.grew(choice, tokens, Instant::now());
            }
            TextEvent::Finished { reason, usage, .. } => {
                let unseen = self.tally.ended(choice, *usage);
                self.meter.finished(reason, unseen);
                self.unfinished = self.unfinished.saturating_sub(1);
                if self.unfinished == 0 {
                    self.meter.ended(self.tally.prompt_tokens(), Instant::now());
                }
            }
            // Told as an error already.
            TextEvent::Failed { .. } => {}
        }
        (choice, event)
    }

    /// One choice's failure is the request's: the others are cancelled.
    fn fail(&mut self, error: ApiError) -> ApiError {
        self.streams.clear();
        self.unfinished = 0;
        self.meter.failed();
        error
    }
}
