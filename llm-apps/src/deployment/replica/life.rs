//! The life of a replica: made, open to requests, asked for its health, drained, gone.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::cell::ReplicaCell;
use crate::deployment::dispatcher::Dispatcher;
use crate::deployment::status::ReplicaState;
use crate::stage::{ErasedStage, StageError};

/// What a replica is told of its deployment's configuration, and told anew when it changes.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::deployment) struct ReplicaConfig {
    pub(in crate::deployment) user_config: Option<Value>,
    pub(in crate::deployment) health_check_period: Duration,
    pub(in crate::deployment) health_check_timeout: Duration,
    pub(in crate::deployment) graceful_shutdown_timeout: Duration,
}

/// How a replica ended.
#[derive(Debug)]
pub(in crate::deployment) enum Ending {
    /// It was told to stop.
    Stopped,
    /// It could not start.
    NotStarted(String),
    /// It failed while it ran.
    Failed(String),
}

/// What a replica's task works with.
pub(in crate::deployment) struct Life<I: Send + 'static, O: Send + 'static> {
    pub(in crate::deployment) cell: Arc<ReplicaCell>,
    pub(in crate::deployment) dispatcher: Arc<Dispatcher<I, O>>,
    pub(in crate::deployment) config: watch::Receiver<ReplicaConfig>,
    /// Told whenever the state changes.
    pub(in crate::deployment) changed: Arc<Notify>,
}

/// Health checks that may fail in a row.
const FORGIVEN_CHECKS: usize = 2;

impl<I: Send + 'static, O: Send + 'static> Life<I, O> {
    /// Lives until it is told to stop, or fails. `making` makes the stage.
    pub(in crate::deployment) async fn live(
        mut self,
        making: impl Future<Output = Result<Arc<dyn ErasedStage<I, O>>, StageError>> + Send,
    ) -> Ending {
        let stop = self.cell.stop.clone();
        let begun = async {
            let stage = making.await?;
            let user_config = self.config.borrow_and_update().user_config.clone();
            if let Some(user_config) = user_config {
                stage.reconfigure(&user_config).await?;
            }
            Ok::<_, StageError>(stage)
        };
        let stage = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            begun = begun => Some(begun),
        };
        let ending = match stage {
            None => Ending::Stopped,
            Some(Err(error)) => Ending::NotStarted(error.to_string()),
            Some(Ok(stage)) => self.serve(stage).await,
        };
        self.set(ReplicaState::Stopped);
        ending
    }

    async fn serve(&mut self, stage: Arc<dyn ErasedStage<I, O>>) -> Ending {
        self.dispatcher.open(self.cell.id, Arc::clone(&stage));
        self.set(ReplicaState::Running);
        let stop = self.cell.stop.clone();
        let admits = admit_when_ready(Arc::clone(&self.dispatcher), stage.ready());
        let failure = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            failure = self.watch(&*stage) => Some(failure),
            () = admits => None,
        };
        self.set(ReplicaState::Stopping);
        let patience = self.config.borrow().graceful_shutdown_timeout;
        let drained = self.dispatcher.drain(self.cell.id);
        if timeout(patience, drained).await.is_err() {
            tracing::warn!(
                deployment = &**self.dispatcher.name(),
                replica = self.cell.id.0,
                ?patience,
                "requests of a stopping replica did not finish in time"
            );
            self.dispatcher.remove(self.cell.id);
        }
        failure.map_or(Ending::Stopped, Ending::Failed)
    }

    /// Asks for health and passes on a new `user_config`, until one of them fails. Requests go on
    /// meanwhile.
    async fn watch(&mut self, stage: &dyn ErasedStage<I, O>) -> String {
        let mut failed = 0;
        let mut known = self.config.borrow_and_update().clone();
        loop {
            let mut period = interval(known.health_check_period);
            period.set_missed_tick_behavior(MissedTickBehavior::Delay);
            period.tick().await;
            loop {
                tokio::select! {
                    changed = self.config.changed() => {
                        if changed.is_err() {
                            return "its deployment is gone".to_owned();
                        }
                        break;
                    }
                    _ = period.tick() => {
                        match check(stage, known.health_check_timeout).await {
                            Ok(()) => failed = 0,
                            Err(failure) => {
                                self.dispatcher.meter().health_check_failed();
                                if failed == FORGIVEN_CHECKS {
                                    return failure;
                                }
                                failed += 1;
                            }
                        }
                    }
                }
            }
            let config = self.config.borrow_and_update().clone();
            if config.user_config != known.user_config {
                self.set(ReplicaState::Updating);
                let user_config = config.user_config.clone().unwrap_or(Value::Null);
                if let Err(error) = stage.reconfigure(&user_config).await {
                    return format!("it does not take the new `user_config`: {error}");
                }
                self.set(ReplicaState::Running);
            }
            known = config;
        }
    }

    fn set(&self, state: ReplicaState) {
        self.cell.set(state);
        self.changed.notify_one();
    }
}

/// Lets those in who wait, whenever the replica can take requests again. Never ends.
async fn admit_when_ready<I: Send + 'static, O: Send + 'static>(
    dispatcher: Arc<Dispatcher<I, O>>,
    ready: Option<watch::Receiver<bool>>,
) {
    if let Some(mut ready) = ready {
        while ready.changed().await.is_ok() {
            let is_ready = *ready.borrow_and_update();
            if is_ready {
                dispatcher.admit();
            }
        }
    }
    pending::<()>().await;
}

async fn check<I, O>(stage: &dyn ErasedStage<I, O>, patience: Duration) -> Result<(), String> {
    match timeout(patience, stage.check_health()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("its health check failed: {error}")),
        Err(_) => Err(format!(
            "its health check did not answer within {patience:?}"
        )),
    }
}
