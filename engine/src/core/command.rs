//! Everything that can be asked of the engine's thread.

use flume::{Receiver, Sender};

use crate::core::reservation::Reservation;
use crate::event::TokenEvent;
use crate::request::GenerateRequest;
use crate::sampler::Sampler;

/// What wakes the loop. There is no command to cancel: dropping the reader does.
#[derive(Debug)]
pub(crate) enum Command {
    /// Generate.
    Submit(Box<Submission>),
    /// End every request and the thread.
    Shutdown,
}

/// An accepted request, with all that its generation needs.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) request: GenerateRequest,
    pub(crate) sampler: Sampler,
    /// Where its events go.
    pub(crate) events: Sender<TokenEvent>,
    /// Its share of `max_requests`, given back when this is dropped.
    pub(crate) reservation: Reservation,
}

impl Submission {
    /// A submission and the reader of its events. Made on the caller's side: preparing a sampler
    /// reads the whole prompt.
    pub(crate) fn new(
        request: GenerateRequest,
        reservation: Reservation,
    ) -> (Self, Receiver<TokenEvent>) {
        // All that one generation can say: the prompt's log-probabilities, its tokens, its end.
        let capacity = (request.params().max_tokens as usize).saturating_add(2);
        let (events, reader) = flume::bounded(capacity);
        let submission = Self {
            sampler: Sampler::new(&request),
            request,
            events,
            reservation,
        };
        (submission, reader)
    }
}
