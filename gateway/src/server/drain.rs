//! Serves until the stop signal, then goes away in order.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::accept::Connections;
use crate::batches;
use crate::routes::router;
use crate::state::{Gateway, SharedState};

/// Time for answers that were cut to say so.
const CUT_PATIENCE: Duration = Duration::from_secs(2);

/// Time for idle connections to close.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// How often histograms are folded.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Serves `state` on `listener` until `shutdown` ends, then drains; returns when nothing is left.
pub async fn serve(
    listener: TcpListener,
    state: SharedState,
    shutdown: impl Future<Output = ()> + Send,
) {
    let config = state.config();
    let mut connections = Connections::new(router(&state), config.max_connections.get());
    let stop = async {
        shutdown.await;
        state.lifecycle().turn_not_ready();
        sleep(config.drain_settle).await;
    };
    let mut background = JoinSet::new();
    background.spawn(batches::work(Arc::clone(&state)));
    // The listener is dropped, and so closed, when accepting ends.
    let accepting = connections.accept(listener, stop);
    tokio::select! {
        () = accepting => {}
        () = upkeep(&state) => {}
    }
    // Lines that are not answered yet are answered after the next start.
    background.shutdown().await;
    drain(&state).await;
    state.responses().close().await;
    connections.close(CLOSE_PATIENCE).await;
    state.store().close().await;
}

/// Waits for running answers, and cuts those that take too long.
async fn drain(state: &Gateway) {
    let lifecycle = state.lifecycle();
    lifecycle.drain();
    let patience = state.config().graceful_shutdown_timeout;
    if timeout(patience, lifecycle.until_idle()).await.is_ok() {
        return;
    }
    tracing::warn!(?patience, "ending answers that did not finish in time");
    lifecycle.cut();
    if timeout(CUT_PATIENCE, lifecycle.until_idle()).await.is_err() {
        tracing::warn!("some clients do not read the end of their answers");
    }
}

async fn upkeep(state: &Gateway) {
    let mut ticks = interval(UPKEEP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        state.telemetry().run_upkeep();
    }
}
