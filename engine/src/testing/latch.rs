//! [`Latch`]: holds a model's steps, so that a test decides what happens between two of them.

use flume::{Receiver, Sender};

use crate::batch::BatchPlan;
use crate::model::ModelError;

/// The test's end of a held model. Each step stops before it computes, until
/// [`release`](Self::release). Dropping the latch lets everything go.
///
/// Drop it before the engine: an engine stops after its present step.
#[derive(Debug)]
pub struct Latch {
    entered: Receiver<BatchPlan>,
    go: Sender<()>,
}

impl Latch {
    pub(super) fn new() -> (
        Self,
        impl FnMut(&BatchPlan) -> Result<(), ModelError> + Send + 'static,
    ) {
        let (enter, entered) = flume::bounded(1);
        let (go, wait_for_go) = flume::bounded(1);
        let hook = move |plan: &BatchPlan| {
            // Both fail only when the latch was dropped: go on.
            if enter.send(plan.clone()).is_ok() {
                wait_for_go.recv().ok();
            }
            Ok(())
        };
        (Self { entered, go }, hook)
    }

    /// Waits on this thread until the next step is held; its plan. `None` when the engine is gone.
    pub fn wait(&self) -> Option<BatchPlan> {
        self.entered.recv().ok()
    }

    /// The same for async code.
    pub async fn wait_async(&self) -> Option<BatchPlan> {
        self.entered.recv_async().await.ok()
    }

    /// Lets the held step go on.
    pub fn release(&self) {
        // It fails only when the engine is gone.
        self.go.send(()).ok();
    }
}
