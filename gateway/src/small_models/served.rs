//! A small model with what is counted of it.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::entry::{SmallModel, SmallModelEntry};
use crate::error::ApiError;
use crate::telemetry::SmallModelMetrics;

/// A small model that is served.
#[derive(Debug)]
pub(crate) struct ServedSmallModel {
    entry: SmallModelEntry,
    metrics: Arc<SmallModelMetrics>,
    preparing: Arc<Semaphore>,
}

impl ServedSmallModel {
    pub(crate) fn new(entry: SmallModelEntry, metrics: SmallModelMetrics) -> Self {
        let preparing = entry.preparing.get().min(Semaphore::MAX_PERMITS);
        Self {
            entry,
            metrics: Arc::new(metrics),
            preparing: Arc::new(Semaphore::new(preparing)),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.entry.name
    }

    pub(crate) fn created(&self) -> u64 {
        self.entry.created
    }

    pub(crate) fn model(&self) -> &SmallModel {
        &self.entry.model
    }

    pub(super) fn metrics(&self) -> &Arc<SmallModelMetrics> {
        &self.metrics
    }

    /// That it cannot do what was asked.
    pub(crate) fn cannot(&self) -> ApiError {
        ApiError::other_model(self.name(), self.model().does())
    }

    /// Runs `work` where it may block, when there is room. No more of it exists than there is room for.
    pub(super) async fn prepare<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let failed = || ApiError::Internal("the request could not be prepared".to_owned());
        let turn = Arc::clone(&self.preparing).acquire_owned().await;
        let turn = turn.map_err(|_| failed())?;
        let task = spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        task.await.map_err(|error| {
            tracing::error!(%error, "a request could not be prepared");
            failed()
        })
    }
}
