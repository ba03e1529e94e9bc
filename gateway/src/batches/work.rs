//! Which batches run, and what they share.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::gate::Gate;
use super::run::run;
use crate::routes::batch_router;
use crate::state::SharedState;
use crate::store::{BatchRecord, StoreError};
use crate::telemetry::BatchMetrics;

/// Batches that run at the same time; they take turns, a line each.
const MAX_RUNNING: usize = 8;
/// Time until a batch is taken up again whose store failed.
const REST: Duration = Duration::from_secs(5);
/// How often files are looked through for those that have expired.
const TIDY: Duration = Duration::from_secs(60);

/// The batches of one server, as its routes see them.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    /// There may be a batch to take up.
    look: Notify,
    /// Those that run, and by what each is cancelled.
    running: Mutex<HashMap<String, CancellationToken>>,
}

/// What batches need of the server.
pub(super) struct Site {
    pub(super) state: SharedState,
    /// The server behind the lines' own door.
    pub(super) behind: SharedState,
    pub(super) router: Router,
    pub(super) gate: Arc<Gate>,
    pub(super) metrics: BatchMetrics,
}

impl Batches {
    /// There may be a batch to take up.
    pub(crate) fn look(&self) {
        self.look.notify_one();
    }

    /// Tells a batch that runs that it is being cancelled, which its record says already.
    pub(crate) fn cancel(&self, id: &str) {
        if let Some(token) = self.running.lock().get(id) {
            token.cancel();
        }
        self.look();
    }
}

/// Runs batches until it is dropped; then they can be taken up again, by this process or another.
pub(crate) async fn work(state: SharedState) {
    let max = state.config().max_batch_lines;
    let metrics = state.telemetry().batches();
    let (in_flight, yielded) = (metrics.in_flight.clone(), metrics.yielded.clone());
    let gate = Gate::new(state.admission().clone(), max.get(), in_flight, yielded);
    let behind = Arc::new(state.behind(max));
    let site = Arc::new(Site {
        router: batch_router(&behind),
        behind,
        gate: Arc::new(gate),
        metrics,
        state,
    });
    site.state.batches().running.lock().clear();
    tokio::join!(site.gate.watch(), supervise(&site));
}

async fn supervise(site: &Arc<Site>) {
    let batches = Arc::clone(site.state.batches());
    let mut tasks = JoinSet::new();
    loop {
        if let Err(error) = take_up(site, &mut tasks).await {
            tracing::error!(%error, "batches cannot be taken up");
        }
        tokio::select! {
            () = batches.look.notified() => {}
            Some(ended) = tasks.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a batch's task failed");
                }
            }
            () = sleep(TIDY) => {}
        }
    }
}

/// Starts what is not done and does not run, as far as there is room; forgets files that have expired.
async fn take_up(site: &Arc<Site>, tasks: &mut JoinSet<()>) -> Result<(), StoreError> {
    let store = site.state.store();
    if !store.exists() || site.state.catalogue().is_err() {
        return Ok(());
    }
    store.forget_expired_files(site.state.edge().now()).await?;
    for batch in store.unfinished_batches().await? {
        let mut running = site.state.batches().running.lock();
        if running.len() >= MAX_RUNNING || running.contains_key(&batch.id) {
            continue;
        }
        let token = CancellationToken::new();
        running.insert(batch.id.clone(), token.clone());
        tasks.spawn(bring_to_its_end(Arc::clone(site), batch, token));
    }
    Ok(())
}

async fn bring_to_its_end(site: Arc<Site>, batch: BatchRecord, cancelled: CancellationToken) {
    let id = batch.id;
    let brought = async {
        // Read again: what is asked of it from here on reaches the token.
        let batch = site.state.store().batch(id.clone()).await?;
        run(&site, batch, &cancelled).await
    };
    if let Err(error) = brought.await {
        tracing::error!(%error, batch = id, "a batch could not go on");
        sleep(REST).await;
    }
    site.state.batches().running.lock().remove(&id);
    site.state.batches().look();
}
