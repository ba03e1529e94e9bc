//! The requests of a child that have no answer yet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::wire::Reply;
use crate::stage::StageError;

/// What a request comes to.
pub(super) type Outcome = Result<Map<String, Value>, Lost>;

/// Why a request has no answer.
#[derive(Debug)]
pub(super) enum Lost {
    /// The child was given it.
    Failed(StageError),
    /// The child ended before it was given it; the next one may be asked.
    NotGiven,
}

/// `None` when the child is gone and there will be no answers.
#[derive(Debug)]
pub(super) struct Waiting {
    requests: Mutex<Option<Requests>>,
}

#[derive(Debug)]
pub(super) struct Requests {
    /// By their ids, which count up.
    open: BTreeMap<u64, Request>,
    /// When the child last wrote a line, or was given something to do.
    moved: Instant,
}

#[derive(Debug)]
struct Request {
    /// None where nobody waits any more.
    waiter: Option<oneshot::Sender<Outcome>>,
    /// Whether its line is on its way to the child.
    given: bool,
}

/// A request that waits. Dropping it forgets the answer.
#[derive(Debug)]
pub(super) struct Ticket {
    id: u64,
    waiting: Arc<Waiting>,
    answer: oneshot::Receiver<Outcome>,
}

impl Waiting {
    pub(super) fn new() -> Self {
        let requests = Requests {
            open: BTreeMap::new(),
            moved: Instant::now(),
        };
        Self {
            requests: Mutex::new(Some(requests)),
        }
    }

    /// Whether there may be answers.
    pub(super) fn is_open(&self) -> bool {
        self.requests.lock().is_some()
    }

    /// Takes a place among those who wait, which must be had before the line is sent.
    pub(super) fn ticket(self: &Arc<Self>, id: u64) -> Option<Ticket> {
        let (sender, answer) = oneshot::channel();
        let mut requests = self.requests.lock();
        let requests = requests.as_mut()?;
        if requests.open.is_empty() {
            requests.moved = Instant::now();
        }
        let request = Request {
            waiter: Some(sender),
            given: false,
        };
        requests.open.insert(id, request);
        Some(Ticket {
            id,
            waiting: Arc::clone(self),
            answer,
        })
    }

    /// Its line is about to be written. False where nobody waits for the answer any more.
    pub(super) fn give(&self, id: u64) -> bool {
        let mut requests = self.requests.lock();
        let request = requests.as_mut().and_then(|r| r.open.get_mut(&id));
        request.is_some_and(|request| {
            request.given = true;
            true
        })
    }

    /// Hands an answer to who waits for it; nobody may wait any more.
    pub(super) fn answer(&self, reply: Reply) {
        let outcome = match (reply.variables, reply.error) {
            (_, Some(error)) => Err(Lost::Failed(StageError::Failed(error))),
            (Some(variables), None) => Ok(variables),
            (None, None) => Err(Lost::Failed(StageError::failed(
                "the answer has neither `variables` nor `error`",
            ))),
        };
        let waiter = {
            let mut requests = self.requests.lock();
            let Some(requests) = requests.as_mut() else {
                return;
            };
            requests.moved = Instant::now();
            let request = requests.open.remove(&reply.id);
            // What was given up, and was asked before, may never be answered.
            let keep = |id: &u64, request: &mut Request| *id > reply.id || request.waiter.is_some();
            requests.open.retain(keep);
            request.and_then(|request| request.waiter)
        };
        if let Some(waiter) = waiter {
            drop(waiter.send(outcome));
        }
    }

    /// For how long the child has written nothing although it was asked; `None` where it has nothing to
    /// do. Requests that were given up count: the child does not know of that.
    pub(super) fn silent_for(&self) -> Option<Duration> {
        let requests = self.requests.lock();
        let busy = requests.as_ref().filter(|r| !r.open.is_empty())?;
        Some(busy.moved.elapsed())
    }

    /// From now on there are no answers. Gives those who wait for some.
    pub(super) fn close(&self) -> Option<Requests> {
        self.requests.lock().take()
    }
}

impl Requests {
    /// Tells all who wait that there will be no answer.
    pub(super) fn fail(self, reason: &str) {
        for request in self.open.into_values() {
            let lost = if request.given {
                Lost::Failed(StageError::Unavailable(reason.to_owned()))
            } else {
                Lost::NotGiven
            };
            if let Some(waiter) = request.waiter {
                drop(waiter.send(Err(lost)));
            }
        }
    }
}

impl Ticket {
    /// The answer.
    pub(super) async fn answer(mut self) -> Outcome {
        let gone = || StageError::Unavailable("the child process has ended".to_owned());
        let answer = (&mut self.answer).await;
        answer.unwrap_or_else(|_| Err(Lost::Failed(gone())))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut requests = self.waiting.requests.lock();
        let Some(requests) = requests.as_mut() else {
            return;
        };
        match requests.open.get_mut(&self.id) {
            Some(request) if request.given => request.waiter = None,
            Some(_) => drop(requests.open.remove(&self.id)),
            None => {}
        }
    }
}
