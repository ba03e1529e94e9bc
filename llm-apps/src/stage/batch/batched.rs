//! The adapter.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::{BoxFuture, Either, Shared, WeakShared, select};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, sleep_until};

use super::options::{BatchOptions, BatchOptionsError};
use crate::stage::{Call, Stage, StageError};

/// What answers many inputs at once.
pub trait BatchStage: Send + Sync + 'static {
    /// What goes in, of one call.
    type Input: Send + 'static;
    /// What comes out, of one call.
    type Output: Send + 'static;

    /// Answers all inputs, each by the output in its place. An error is that of all of them.
    fn call_batch(
        &self,
        inputs: Vec<Self::Input>,
    ) -> impl Future<Output = Result<Vec<Result<Self::Output, StageError>>, StageError>> + Send;

    /// As [`Stage::check_health`].
    fn check_health(&self) -> impl Future<Output = Result<(), StageError>> + Send {
        async { Ok(()) }
    }
}

/// A [`BatchStage`] as a stage. Its `user_config` are the numbers of [`BatchOptions`], by Ray Serve's
/// names; new ones count for batches that open from then on.
pub struct Batched<S: BatchStage> {
    shared: Arc<Together<S>>,
}

/// What the batches of a replica share.
struct Together<S: BatchStage> {
    stage: S,
    state: Mutex<State<S>>,
    /// One permit for each batch that may be worked at; given out in the order of asking.
    slots: Arc<Semaphore>,
}

struct State<S: BatchStage> {
    options: BatchOptions,
    /// The batch that takes calls, and the work at it. Its callers alone keep the work alive.
    open: Option<(Arc<Batch<S>>, WeakWork)>,
    /// Permits that are to go when they come back.
    surplus: usize,
}

struct Batch<S: BatchStage> {
    size: usize,
    items: Mutex<Vec<Item<S>>>,
    full: Notify,
}

/// One call in a batch.
struct Item<S: BatchStage> {
    input: S::Input,
    answer: oneshot::Sender<Result<S::Output, StageError>>,
}

/// The work at a batch, which each of its callers moves on.
type Work = Shared<BoxFuture<'static, ()>>;
type WeakWork = WeakShared<BoxFuture<'static, ()>>;

impl<S: BatchStage> Batched<S> {
    /// Batches of these numbers.
    pub fn new(stage: S, options: BatchOptions) -> Self {
        let slots = Semaphore::new(options.max_concurrent_batches);
        let state = State {
            options,
            open: None,
            surplus: 0,
        };
        Self {
            shared: Arc::new(Together {
                stage,
                state: Mutex::new(state),
                slots: Arc::new(slots),
            }),
        }
    }

    /// The numbers in force.
    pub fn options(&self) -> BatchOptions {
        self.shared.state.lock().options
    }
}

impl<S: BatchStage> Stage for Batched<S> {
    type Input = S::Input;
    type Output = S::Output;

    async fn call(&self, input: S::Input, _: &Call) -> Result<S::Output, StageError> {
        let (answer, answered) = oneshot::channel();
        let work = self.shared.join(Item { input, answer });
        let answer = match select(answered, work).await {
            Either::Left((answer, _)) => answer,
            // All answers were sent before the work ended.
            Either::Right(((), answered)) => answered.await,
        };
        answer.unwrap_or_else(|_| {
            let message = "the batch ended without an answer to this call";
            Err(StageError::failed(message))
        })
    }

    async fn check_health(&self) -> Result<(), StageError> {
        self.shared.stage.check_health().await
    }

    async fn reconfigure(&self, user_config: &Value) -> Result<(), StageError> {
        Ok(self.shared.reconfigure(user_config)?)
    }
}

impl<S: BatchStage> Together<S> {
    /// Puts a call into the open batch, or into a new one.
    fn join(self: &Arc<Self>, item: Item<S>) -> Work {
        let mut state = self.state.lock();
        let open = state.open.as_ref();
        // A batch that all have left has no work any more.
        let open = open.and_then(|(batch, work)| Some((Arc::clone(batch), work.upgrade()?)));
        let (batch, work) = open.unwrap_or_else(|| {
            let batch = Arc::new(Batch {
                size: state.options.max_batch_size,
                items: Mutex::default(),
                full: Notify::new(),
            });
            let due = Instant::now() + state.options.batch_wait_timeout;
            let work = Arc::clone(self).work(Arc::clone(&batch), due);
            let work = work.boxed().shared();
            let weak = work.downgrade();
            state.open = weak.map(|weak| (Arc::clone(&batch), weak));
            (batch, work)
        });
        let mut items = batch.items.lock();
        items.push(item);
        if items.len() >= batch.size {
            // Those who have left make room.
            items.retain(|item| !item.answer.is_closed());
        }
        if items.len() >= batch.size {
            state.open = None;
            batch.full.notify_one();
        }
        drop(items);
        work
    }

    /// The whole life of a batch.
    async fn work(self: Arc<Self>, batch: Arc<Batch<S>>, due: Instant) {
        tokio::select! {
            () = batch.full.notified() => {}
            () = sleep_until(due) => {}
        }
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else {
            // Nobody closes it.
            return;
        };
        let slot = Slot {
            together: &self,
            permit: Some(slot),
        };
        let (inputs, answers) = self.close(&batch);
        if !inputs.is_empty() {
            let count = inputs.len();
            let work = AssertUnwindSafe(self.stage.call_batch(inputs)).catch_unwind();
            let outputs = outputs(work.await, count);
            for (answer, output) in answers.into_iter().zip(outputs) {
                // One who has left meanwhile does not want it.
                answer.send(output).ok();
            }
        }
        drop(slot);
    }

    /// The batch begins: it takes no more calls, and those who have left are not in it.
    fn close(&self, batch: &Arc<Batch<S>>) -> (Vec<S::Input>, Vec<Answer<S>>) {
        let mut state = self.state.lock();
        let open = state.open.as_ref();
        if open.is_some_and(|(open, _)| Arc::ptr_eq(open, batch)) {
            state.open = None;
        }
        drop(state);
        let items = std::mem::take(&mut *batch.items.lock());
        let there = items.into_iter().filter(|item| !item.answer.is_closed());
        there.map(|item| (item.input, item.answer)).unzip()
    }

    fn reconfigure(&self, user_config: &Value) -> Result<(), BatchOptionsError> {
        let mut state = self.state.lock();
        let before = state.options.max_concurrent_batches;
        state.options = state.options.with(user_config)?;
        let after = state.options.max_concurrent_batches;
        let more = after.saturating_sub(before);
        let kept = more.min(state.surplus);
        state.surplus -= kept;
        self.slots.add_permits(more - kept);
        let fewer = before.saturating_sub(after);
        state.surplus += fewer - self.slots.forget_permits(fewer);
        Ok(())
    }
}

type Answer<S> = oneshot::Sender<Result<<S as BatchStage>::Output, StageError>>;

/// What came of a batch of `count` calls, for each of them.
fn outputs<T>(
    outcome: std::thread::Result<Result<Vec<Result<T, StageError>>, StageError>>,
    count: usize,
) -> Vec<Result<T, StageError>> {
    let for_all = |make: &dyn Fn() -> StageError| (0..count).map(|_| Err(make())).collect();
    match outcome {
        Ok(Ok(outputs)) if outputs.len() == count => outputs,
        Ok(Ok(outputs)) => {
            let answered = outputs.len();
            for_all(&|| {
                let message = format!("a batch of {count} calls was given {answered} answers");
                StageError::failed(message)
            })
        }
        Ok(Err(error)) => for_all(&|| alike(&error)),
        Err(_) => {
            tracing::error!("a stage panicked at a batch");
            for_all(&|| StageError::failed("the stage panicked"))
        }
    }
}

/// An error of a whole batch, for one of its calls: as much of its kind as may matter to the caller.
fn alike(error: &StageError) -> StageError {
    match error {
        StageError::Invalid { message, param } => StageError::Invalid {
            message: message.clone(),
            param: param.clone(),
        },
        StageError::Refused { code, message } => StageError::Refused {
            code: code.clone(),
            message: message.clone(),
        },
        StageError::Unavailable(_)
        | StageError::Failed(_)
        | StageError::Generate(_)
        | StageError::Call(_) => match error.may_retry() {
            true => StageError::Unavailable(error.to_string()),
            false => StageError::Failed(error.to_string()),
        },
    }
}

/// A batch that is worked at.
struct Slot<'a, S: BatchStage> {
    together: &'a Together<S>,
    permit: Option<OwnedSemaphorePermit>,
}

impl<S: BatchStage> Drop for Slot<'_, S> {
    fn drop(&mut self) {
        let mut state = self.together.state.lock();
        if state.surplus > 0
            && let Some(permit) = self.permit.take()
        {
            state.surplus -= 1;
            permit.forget();
        }
    }
}

impl<S: BatchStage> fmt::Debug for Batched<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batched")
            .field("options", &self.options())
            .finish_non_exhaustive()
    }
}
