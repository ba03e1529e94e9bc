//! [`ReplicaStream`]: the reader's end of a generation, which keeps its journal and goes on elsewhere.

use std::error::Error as _;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use engine::{EngineError, GenerateRequest, TokenEvent};
use futures::future::BoxFuture;
use futures::{FutureExt, Stream};
use tonic::{Code, Status, Streaming};

use super::cell::Chosen;
use super::proto;
use super::replicas::{Place, Shared};
use super::wire::{from_request, to_event};

/// So many replicas in a row that end before they say a token were ended by the request.
const POISON: u32 = 2;
/// Replicas that one generation is given at most, whatever became of them.
const MOST_ATTEMPTS: u32 = 64;

/// The events of one generation, as [`TokenStream`](engine::TokenStream) has them. Dropping it cancels the
/// generation.
pub struct ReplicaStream {
    shared: Arc<Shared>,
    journal: Journal,
    attempts: u32,
    /// Losses since the last token.
    losses: u32,
    state: State,
    _place: Place,
}

/// All that another replica needs to go on.
#[derive(Debug)]
struct Journal {
    request: GenerateRequest,
    said: Vec<u32>,
    cached_tokens: u32,
    /// Whether the prompt's log-probabilities are out.
    prompt_said: bool,
}

enum State {
    /// A replica is looked for, and asked.
    Asking(BoxFuture<'static, Result<Reading, Refusal>>),
    Reading(Box<Reading>),
    Ended,
}

/// The call, and the place at its replica.
struct Reading {
    events: Streaming<proto::Event>,
    chosen: Chosen,
}

/// Why a replica does not generate.
enum Refusal {
    /// There is none.
    None(EngineError),
    /// It was gone before it said that it had the request.
    Gone(Status),
    /// It does not take this request.
    Request(Status),
}

impl ReplicaStream {
    pub(super) fn new(shared: Arc<Shared>, place: Place, request: GenerateRequest) -> Self {
        let journal = Journal {
            request,
            said: Vec::new(),
            cached_tokens: 0,
            prompt_said: false,
        };
        let state = State::Asking(ask(&shared, &journal));
        Self {
            shared,
            journal,
            attempts: 1,
            losses: 0,
            state,
            _place: place,
        }
    }

    /// Has another replica go on, or says why none does.
    fn go_on(&mut self, why: &Status) -> Option<EngineError> {
        if self.shared.is_closed() {
            return Some(EngineError::ShuttingDown);
        }
        if self.losses >= POISON {
            self.shared.quarantine.add(&self.journal.request);
            self.shared.quarantined.fetch_add(1, Ordering::Relaxed);
            tracing::error!(
                replicas = self.losses,
                tokens = self.journal.said.len(),
                "a request is quarantined: replicas ended under it"
            );
            let replicas = self.losses;
            return Some(EngineError::Quarantined { replicas });
        }
        if self.attempts >= MOST_ATTEMPTS {
            let lost = format!("{} were tried; the last: {}", self.attempts, why.message());
            return Some(EngineError::Lost(lost));
        }
        self.attempts += 1;
        self.state = State::Asking(ask(&self.shared, &self.journal));
        None
    }

    /// The replica is gone, and the generation was running on it.
    fn lost(&mut self, status: &Status) -> Option<EngineError> {
        if let State::Reading(reading) = &self.state {
            let chosen = &reading.chosen;
            chosen.is_lost();
            tracing::warn!(
                replica = chosen.name(),
                tokens = self.journal.said.len(),
                why = status.message(),
                "a generation lost its replica and goes on at another"
            );
        }
        self.shared.failovers.fetch_add(1, Ordering::Relaxed);
        self.losses += 1;
        self.go_on(status)
    }

    /// What a message means to the reader; `None` where it has that already.
    fn heard(&mut self, event: TokenEvent) -> Option<TokenEvent> {
        match &event {
            TokenEvent::Prompt(_) => {
                let again = std::mem::replace(&mut self.journal.prompt_said, true);
                return (!again).then_some(event);
            }
            TokenEvent::Token {
                id, cached_tokens, ..
            } => {
                self.journal.said.push(*id);
                self.journal.cached_tokens = *cached_tokens;
                self.losses = 0;
            }
            TokenEvent::Done { .. } | TokenEvent::Failed(_) => self.state = State::Ended,
        }
        Some(event)
    }

    fn fail(&mut self, error: EngineError) -> TokenEvent {
        self.state = State::Ended;
        TokenEvent::Failed(error)
    }

    /// The next event, and what follows from there being none: `Ok(None)` means that the state changed.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<TokenEvent>> {
        match &mut self.state {
            State::Ended => Poll::Ready(None),
            State::Asking(asking) => {
                let failed = match ready!(asking.poll_unpin(cx)) {
                    Ok(reading) => {
                        self.state = State::Reading(Box::new(reading));
                        None
                    }
                    Err(Refusal::None(error)) => Some(error),
                    Err(Refusal::Gone(status)) => {
                        // It may have ended under the request before it could say that it had it. What
                        // it says itself has no such cause.
                        self.losses += u32::from(status.source().is_some());
                        self.go_on(&status)
                    }
                    Err(Refusal::Request(status)) => {
                        Some(EngineError::Model(status.message().to_owned()))
                    }
                };
                Poll::Ready(failed.map(|error| self.fail(error)))
            }
            State::Reading(reading) => {
                let message = ready!(Pin::new(&mut reading.events).poll_next(cx));
                let lost = match message.map(|message| message.map(to_event)) {
                    Some(Ok(Ok(TokenEvent::Failed(
                        error @ (EngineError::Full { .. } | EngineError::ShuttingDown),
                    )))) => {
                        // It lives, and is asked again when it has said how it does.
                        reading.chosen.is_lost();
                        let failed = self.go_on(&Status::unavailable(error.to_string()));
                        return Poll::Ready(failed.map(|error| self.fail(error)));
                    }
                    Some(Ok(Ok(event))) => return Poll::Ready(self.heard(event)),
                    Some(Ok(Err(malformed))) => {
                        let error = EngineError::Model(malformed.to_string());
                        return Poll::Ready(Some(self.fail(error)));
                    }
                    Some(Err(status)) => status,
                    None => Status::unavailable("it ended in the middle"),
                };
                let failed = self.lost(&lost);
                Poll::Ready(failed.map(|error| self.fail(error)))
            }
        }
    }
}

impl Stream for ReplicaStream {
    type Item = TokenEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<TokenEvent>> {
        let this = self.get_mut();
        loop {
            if matches!(this.state, State::Ended) {
                return Poll::Ready(None);
            }
            if let Some(event) = ready!(this.poll_event(cx)) {
                return Poll::Ready(Some(event));
            }
        }
    }
}

/// Finds a replica and gives it the request, to go on behind what was said.
fn ask(shared: &Arc<Shared>, journal: &Journal) -> BoxFuture<'static, Result<Reading, Refusal>> {
    let shared = Arc::clone(shared);
    let message = from_request(&journal.request, &journal.said, journal.cached_tokens);
    async move {
        let mut chosen = shared.choose().await.map_err(Refusal::None)?;
        match chosen.client.generate(message).await {
            Ok(events) => Ok(Reading {
                events: events.into_inner(),
                chosen,
            }),
            Err(status) if status.code() == Code::InvalidArgument => Err(Refusal::Request(status)),
            Err(status) => {
                chosen.is_lost();
                Err(Refusal::Gone(status))
            }
        }
    }
    .boxed()
}

impl fmt::Debug for ReplicaStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplicaStream")
            .field("said", &self.journal.said.len())
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}
