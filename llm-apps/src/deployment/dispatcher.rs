//! The queue of a deployment: who runs where, who waits, who is refused. Exact, because all of it
//! happens under one lock that is held for a few comparisons.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;

use super::blueprint::ReadPrefix;
use super::config::DeploymentConfig;
use super::measure::Meter;
use super::permit::Permit;
use super::replica::ReplicaId;
use super::router::{Candidate, RequestRouter};
use crate::stage::{Call, CallError, ErasedStage};

/// See the module.
pub(super) struct Dispatcher<I: Send + 'static, O: Send + 'static> {
    name: Arc<str>,
    application: Arc<str>,
    meter: Meter,
    board: Mutex<Board<I, O>>,
    /// How requests begin, where the router goes by that.
    prefix: RwLock<Option<ReadPrefix<I>>>,
    wake: Arc<Notify>,
}

/// How many may be where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Requests at one replica.
    pub(super) ongoing: usize,
    /// Requests that wait for a place.
    pub(super) queued: usize,
}

impl Limits {
    pub(super) fn of(config: &DeploymentConfig) -> Self {
        Self {
            ongoing: config.max_ongoing_requests,
            queued: config.max_queued_requests,
        }
    }
}

/// How busy a deployment is at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Load {
    /// Requests that wait for a place.
    pub(super) queued: usize,
    /// Requests at each replica that runs or drains.
    pub(super) ongoing: Vec<(ReplicaId, usize)>,
}

struct Board<I: Send + 'static, O: Send + 'static> {
    limits: Limits,
    seats: Vec<Seat<I, O>>,
    waiting: VecDeque<Waiting<I, O>>,
    router: Box<dyn RequestRouter>,
    next_ticket: u64,
    /// Why nothing is taken any more.
    closed: Option<Arc<str>>,
    /// Reused by each choice.
    candidates: Vec<Candidate>,
}

/// A replica's requests.
struct Seat<I, O> {
    replica: ReplicaId,
    stage: Arc<dyn ErasedStage<I, O>>,
    ongoing: usize,
    /// Whether the replica can take requests; always, where it does not say.
    ready: Option<watch::Receiver<bool>>,
    /// Told when the last request has gone; its being there means that no new one comes.
    drained: Option<oneshot::Sender<()>>,
}

struct Waiting<I: Send + 'static, O: Send + 'static> {
    ticket: u64,
    call: Call,
    place: oneshot::Sender<Permit<I, O>>,
}

impl<I: Send + 'static, O: Send + 'static> Dispatcher<I, O> {
    /// `wake` is told when a call waits and there is no replica at all.
    pub(super) fn new(
        name: Arc<str>,
        application: Arc<str>,
        limits: Limits,
        router: Box<dyn RequestRouter>,
        meter: Meter,
        wake: Arc<Notify>,
    ) -> Self {
        let board = Board {
            limits,
            seats: Vec::new(),
            waiting: VecDeque::new(),
            router,
            next_ticket: 0,
            closed: None,
            candidates: Vec::new(),
        };
        Self {
            name,
            application,
            meter,
            board: Mutex::new(board),
            prefix: RwLock::new(None),
            wake,
        }
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The application that it is part of.
    pub(super) fn application(&self) -> &str {
        &self.application
    }

    pub(super) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// What a router is to know of a request beside its call: the same call, with the beginning of the
    /// input's text, if the router goes by it.
    pub(super) fn hinted(&self, input: &I, call: &Call) -> Option<Call> {
        let read = self.prefix.read();
        let prefix = read.as_ref().and_then(|read| read(input))?;
        Some(call.clone().with_prefix(prefix))
    }

    /// A place at a replica, now or when it is this call's turn.
    ///
    /// # Errors
    /// [`CallError::QueueFull`], or [`CallError::Unavailable`] when the deployment is closed, also
    /// while the call waits.
    pub(super) async fn place(self: &Arc<Self>, call: &Call) -> Result<Permit<I, O>, CallError> {
        self.meter.came(Instant::now());
        let placed = loop {
            match self.place_or_wait(call).await {
                // It was, when it was chosen; another may be.
                Ok(permit) if !permit.is_ready() => drop(permit),
                placed => break placed,
            }
        };
        if placed.is_err() {
            self.meter.refused();
        }
        placed
    }

    async fn place_or_wait(self: &Arc<Self>, call: &Call) -> Result<Permit<I, O>, CallError> {
        let (ticket, place) = {
            let mut board = self.board.lock();
            if let Some(reason) = &board.closed {
                return Err(self.unavailable(reason));
            }
            if board.waiting.is_empty()
                && let Some(index) = board.choose(call)
            {
                return Ok(board.take(index, self));
            }
            if board.waiting.len() >= board.limits.queued {
                return Err(CallError::QueueFull {
                    deployment: Arc::clone(&self.name),
                    limit: board.limits.queued,
                });
            }
            if board.seats.is_empty() {
                self.wake.notify_one();
            }
            board.wait(call)
        };
        let turn = Turn {
            dispatcher: self,
            ticket,
            place,
        };
        turn.await.map_err(|_| {
            let reason = self.board.lock().closed.clone();
            self.unavailable(&reason.unwrap_or_else(|| "it is gone".into()))
        })
    }

    /// Opens a replica to requests.
    pub(super) fn open(self: &Arc<Self>, replica: ReplicaId, stage: Arc<dyn ErasedStage<I, O>>) {
        self.board.lock().seats.push(Seat {
            replica,
            ready: stage.ready(),
            stage,
            ongoing: 0,
            drained: None,
        });
        self.admit();
    }

    /// Lets no new request to a replica. The receiver hears when its last one has gone; at once where
    /// it has none.
    pub(super) fn drain(&self, replica: ReplicaId) -> oneshot::Receiver<()> {
        let (drained, done) = oneshot::channel();
        let mut board = self.board.lock();
        board.router.forget(replica);
        let at = board.seats.iter().position(|s| s.replica == replica);
        match at {
            Some(index) if board.seats[index].ongoing == 0 => drop(board.seats.swap_remove(index)),
            Some(index) => {
                board.seats[index].drained = Some(drained);
                return done;
            }
            None => {}
        }
        drop(board);
        // The receiver does not mind whether it hears this or that the sender is gone.
        let _ = drained.send(());
        done
    }

    /// Forgets a replica, whatever requests it still has.
    pub(super) fn remove(&self, replica: ReplicaId) {
        let mut board = self.board.lock();
        board.router.forget(replica);
        board.seats.retain(|seat| seat.replica != replica);
    }

    /// Changes the limits. Places that there are now are given out.
    pub(super) fn set_limits(self: &Arc<Self>, limits: Limits) {
        self.board.lock().limits = limits;
        self.admit();
    }

    /// Has `router` choose from now on.
    pub(super) fn set_router(&self, router: Box<dyn RequestRouter>) {
        self.board.lock().router = router;
    }

    /// Changes how the beginning of a request is read; `None` where the router has no use for it.
    pub(super) fn read_prefix_with(&self, read: Option<ReadPrefix<I>>) {
        *self.prefix.write() = read;
    }

    /// Takes no new calls from now on. Those that wait go on waiting.
    pub(super) fn close(&self, reason: Arc<str>) {
        self.board.lock().closed = Some(reason);
    }

    /// Takes calls again.
    pub(super) fn reopen(&self) {
        self.board.lock().closed = None;
    }

    /// Refuses those that wait, for the reason for which it is closed.
    pub(super) fn turn_away(&self) {
        let refused = std::mem::take(&mut self.board.lock().waiting);
        // They wake up when the other end of their channel is dropped, and look at the board.
        drop(refused);
    }

    pub(super) fn load(&self) -> Load {
        let board = self.board.lock();
        let ongoing = board.seats.iter().map(|seat| (seat.replica, seat.ongoing));
        Load {
            queued: board.waiting.len(),
            ongoing: ongoing.collect(),
        }
    }

    /// A request has left a replica.
    pub(super) fn leave(self: &Arc<Self>, replica: ReplicaId) {
        {
            let mut board = self.board.lock();
            // A replica that was removed with requests at it is not there any more.
            if let Some(index) = board.seats.iter().position(|s| s.replica == replica) {
                let seat = &mut board.seats[index];
                seat.ongoing = seat.ongoing.saturating_sub(1);
                if seat.ongoing == 0
                    && let Some(drained) = seat.drained.take()
                {
                    drop(board.seats.swap_remove(index));
                    drop(board);
                    let _ = drained.send(());
                    return;
                }
            }
        }
        self.admit();
    }

    /// Gives the places that are free to those who wait, in their order.
    pub(super) fn admit(self: &Arc<Self>) {
        loop {
            let mut board = self.board.lock();
            let Some(first) = board.waiting.front() else {
                return;
            };
            let call = first.call.clone();
            let Some(index) = board.choose(&call) else {
                return;
            };
            let permit = board.take(index, self);
            let first = board.waiting.pop_front();
            drop(board);
            if let Some(first) = first {
                // One who has just gone away gives the place back by dropping it.
                drop(first.place.send(permit));
            }
        }
    }

    fn unavailable(&self, reason: &Arc<str>) -> CallError {
        CallError::Unavailable {
            deployment: Arc::clone(&self.name),
            reason: Arc::clone(reason),
        }
    }

    fn forgo(&self, ticket: u64) {
        let mut board = self.board.lock();
        let gone = board
            .waiting
            .iter()
            .position(|waiting| waiting.ticket == ticket)
            .and_then(|index| board.waiting.remove(index));
        drop(board);
        drop(gone);
    }
}

impl<I, O> Seat<I, O> {
    /// Whether requests may go there.
    fn is_open(&self) -> bool {
        let ready = self.ready.as_ref().is_none_or(|ready| *ready.borrow());
        self.drained.is_none() && ready
    }
}

impl<I: Send + 'static, O: Send + 'static> Board<I, O> {
    /// The seat for `call`, if one has a place.
    fn choose(&mut self, call: &Call) -> Option<usize> {
        self.candidates.clear();
        let free = |seat: &&Seat<I, O>| seat.is_open() && seat.ongoing < self.limits.ongoing;
        self.candidates
            .extend(self.seats.iter().filter(free).map(|seat| Candidate {
                replica: seat.replica,
                ongoing: seat.ongoing,
            }));
        if self.candidates.is_empty() {
            return None;
        }
        if let Some(model) = call.model() {
            self.prefer_holders(model);
        }
        let chosen = self.router.choose(&self.candidates, call)?;
        let replica = self.candidates.get(chosen)?.replica;
        self.seats.iter().position(|seat| seat.replica == replica)
    }

    /// Leaves those candidates that hold the model, or, where none with a free place does, those that hold
    /// the fewest.
    fn prefer_holders(&mut self, model: &str) {
        let seats = &self.seats;
        let stage_of = |candidate: &Candidate| {
            let seat = seats.iter().find(|s| s.replica == candidate.replica);
            seat.map(|seat| &seat.stage)
        };
        let holds = |c: &Candidate| stage_of(c).is_some_and(|stage| stage.holds_model(model));
        let count = |c: &Candidate| stage_of(c).map_or(0, |stage| stage.models_held());
        if self.candidates.iter().any(holds) {
            self.candidates.retain(holds);
        } else if let Some(fewest) = self.candidates.iter().map(count).min() {
            self.candidates.retain(|c| count(c) == fewest);
        }
    }

    fn take(&mut self, index: usize, dispatcher: &Arc<Dispatcher<I, O>>) -> Permit<I, O> {
        let seat = &mut self.seats[index];
        seat.ongoing += 1;
        Permit::new(
            Arc::clone(dispatcher),
            seat.replica,
            Arc::clone(&seat.stage),
        )
    }

    fn wait(&mut self, call: &Call) -> (u64, oneshot::Receiver<Permit<I, O>>) {
        let (place, receiver) = oneshot::channel();
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiting.push_back(Waiting {
            ticket,
            call: call.clone(),
            place,
        });
        (ticket, receiver)
    }
}

/// A call that waits. Dropping it leaves the queue.
struct Turn<'a, I: Send + 'static, O: Send + 'static> {
    dispatcher: &'a Dispatcher<I, O>,
    ticket: u64,
    place: oneshot::Receiver<Permit<I, O>>,
}

impl<I: Send + 'static, O: Send + 'static> Future for Turn<'_, I, O> {
    type Output = Result<Permit<I, O>, oneshot::error::RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.place).poll(cx)
    }
}

impl<I: Send + 'static, O: Send + 'static> Drop for Turn<'_, I, O> {
    fn drop(&mut self) {
        self.dispatcher.forgo(self.ticket);
    }
}

impl<I: Send + 'static, O: Send + 'static> fmt::Debug for Dispatcher<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        f.debug_struct("Dispatcher")
            .field("name", name)
            .finish_non_exhaustive()
    }
}
