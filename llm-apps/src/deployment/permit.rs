//! A place at a replica, for as long as it is held.

use std::fmt;
use std::sync::Arc;

use super::dispatcher::Dispatcher;
use super::replica::ReplicaId;
use crate::stage::{Call, ErasedStage, StageError};

/// Counts as one request at its replica until it is dropped, which lets the next one in.
pub struct Permit<I: Send + 'static, O: Send + 'static> {
    dispatcher: Arc<Dispatcher<I, O>>,
    replica: ReplicaId,
    stage: Arc<dyn ErasedStage<I, O>>,
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
        }
    }

    /// The replica that was chosen.
    pub fn replica(&self) -> ReplicaId {
        self.replica
    }

    /// Has the replica answer.
    pub(super) async fn run(&self, input: I, call: &Call) -> Result<O, StageError> {
        self.stage.call(input, call).await
    }
}

impl<I: Send + 'static, O: Send + 'static> Drop for Permit<I, O> {
    fn drop(&mut self) {
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
