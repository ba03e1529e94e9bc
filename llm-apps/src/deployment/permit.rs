//! A place at a replica, for as long as it is held.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::dispatcher::Dispatcher;
use super::measure::Passage;
use super::replica::ReplicaId;
use crate::stage::{Call, ErasedStage, StageError};

/// Counts as one request at its replica until it is dropped, which lets the next one in.
pub struct Permit<I: Send + 'static, O: Send + 'static> {
    dispatcher: Arc<Dispatcher<I, O>>,
    replica: ReplicaId,
    stage: Arc<dyn ErasedStage<I, O>>,
    /// When it was given.
    since: Instant,
    /// What the request's readers had waited for others until then.
    read_before: Duration,
    /// How the stage was called; nothing before that.
    call: Option<Call>,
    answered: bool,
    /// When the last piece of the answer came.
    last_text: Option<Instant>,
}

impl<I: Send + 'static, O: Send + 'static> Permit<I, O> {
    pub(super) fn new(
        dispatcher: Arc<Dispatcher<I, O>>,
        replica: ReplicaId,
        stage: Arc<dyn ErasedStage<I, O>>,
    ) -> Self {
        Self {
            dispatcher,
            replica,
            stage,
            since: Instant::now(),
            read_before: Duration::ZERO,
            call: None,
            answered: false,
            last_text: None,
        }
    }

    /// The replica that was chosen.
    pub fn replica(&self) -> ReplicaId {
        self.replica
    }

    /// Has the replica answer.
    pub(super) async fn run(&mut self, input: I, call: &Call) -> Result<O, StageError> {
        let request_id = call.request_id();
        self.read_before = call.waited_for_others(self.dispatcher.name());
        let call = self.call.insert(call.within());
        let answer = self.stage.call(input, call).await;
        self.answered = answer.is_ok();
        if let Err(error) = &answer {
            self.dispatcher.meter().failed();
            self.log(error, request_id);
        }
        answer
    }

    /// Whether the replica can take a request at this moment.
    pub(super) fn is_ready(&self) -> bool {
        self.stage.ready().is_none_or(|ready| *ready.borrow())
    }

    /// What is no fault of the request. A call that failed is logged where it failed.
    fn log(&self, error: &StageError, request_id: &str) {
        let (application, deployment) = (self.dispatcher.application(), &**self.dispatcher.name());
        let replica = self.replica.0;
        match error {
            StageError::Unavailable(reason) => tracing::warn!(
                application,
                deployment,
                replica,
                request_id,
                reason,
                "what a stage depends on is not there"
            ),
            StageError::Failed(reason) => tracing::error!(
                application,
                deployment,
                replica,
                request_id,
                reason,
                "a stage failed"
            ),
            StageError::Invalid { .. }
            | StageError::Refused { .. }
            | StageError::Generate(_)
            | StageError::Call(_) => {}
        }
    }

    /// When it was given.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// A piece of the answer has come.
    pub(crate) fn saw_text(&mut self) {
        let now = Instant::now();
        let meter = self.dispatcher.meter();
        match self.last_text.replace(now) {
            None => meter.first_text(now, now - self.since),
            Some(last) => meter.next_text(now, now - last),
        }
    }
}

impl<I: Send + 'static, O: Send + 'static> Drop for Permit<I, O> {
    fn drop(&mut self) {
        if let Some(call) = &self.call {
            let now = Instant::now();
            let passage = Passage {
                held: now - self.since,
                nested: call.nested()
                    + call
                        .waited_for_others(self.dispatcher.name())
                        .saturating_sub(self.read_before),
                answered: self.answered,
            };
            self.dispatcher.meter().passed(now, passage);
        }
        self.dispatcher.leave(self.replica);
    }
}

impl<I: Send + 'static, O: Send + 'static> fmt::Debug for Permit<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("deployment", self.dispatcher.name())
            .field("replica", &self.replica)
            .finish_non_exhaustive()
    }
}
