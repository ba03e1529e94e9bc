//! By which a deployment is called.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use super::dispatcher::Dispatcher;
use super::permit::Permit;
use crate::stage::{Call, CallError, StageTiming};

/// Calls a deployment as if it were a function. Cheap to clone; clones share the queue.
///
/// The work happens in the caller's own future: dropping it leaves the queue, or cancels the work and
/// frees the place.
pub struct DeploymentHandle<I: Send + 'static, O: Send + 'static> {
    dispatcher: Arc<Dispatcher<I, O>>,
}

impl<I: Send + 'static, O: Send + 'static> DeploymentHandle<I, O> {
    pub(super) fn new(dispatcher: Arc<Dispatcher<I, O>>) -> Self {
        Self { dispatcher }
    }

    /// The deployment's name.
    pub fn name(&self) -> &str {
        self.dispatcher.name()
    }

    /// The answer of one replica; its place is free again when this returns. An answer that is a
    /// stream is better had from [`open`](Self::open).
    ///
    /// # Errors
    /// [`CallError`] says why there is none.
    pub async fn call(&self, input: I, call: &Call) -> Result<O, CallError> {
        let (answer, permit) = self.open(input, call).await?;
        drop(permit);
        Ok(answer)
    }

    /// The answer and the place at the replica, which is to be held until the answer is used up.
    ///
    /// # Errors
    /// [`CallError`] says why there is none.
    pub async fn open(&self, input: I, call: &Call) -> Result<(O, Permit<I, O>), CallError> {
        let work = async {
            let called = Instant::now();
            let hinted = self.dispatcher.hinted(&input, call);
            let mut permit = self
                .dispatcher
                .place(hinted.as_ref().unwrap_or(call))
                .await?;
            let placed = permit.since();
            let read_before = call.waited_for_others(self.name());
            let answer = permit.run(input, call).await;
            let reading = call.waited_for_others(self.name()) - read_before;
            call.note_timing(StageTiming {
                stage: Arc::clone(self.dispatcher.name()),
                queued: placed.duration_since(called),
                ran: placed.elapsed().saturating_sub(reading),
            });
            call.note_nested(called.elapsed());
            match answer {
                Ok(answer) => Ok((answer, permit)),
                Err(error) => Err(CallError::Stage {
                    deployment: Arc::clone(self.dispatcher.name()),
                    error,
                }),
            }
        };
        let Some(deadline) = call.deadline() else {
            return work.await;
        };
        let in_time = tokio::time::timeout_at(deadline, work).await;
        in_time.unwrap_or_else(|_| {
            Err(CallError::DeadlineExceeded {
                deployment: Arc::clone(self.dispatcher.name()),
            })
        })
    }
}

impl<I: Send + 'static, O: Send + 'static> Clone for DeploymentHandle<I, O> {
    fn clone(&self) -> Self {
        Self {
            dispatcher: Arc::clone(&self.dispatcher),
        }
    }
}

impl<I: Send + 'static, O: Send + 'static> fmt::Debug for DeploymentHandle<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DeploymentHandle")
            .field(&self.name())
            .finish()
    }
}
