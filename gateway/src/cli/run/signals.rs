//! SIGTERM and SIGINT: the first asks to go, the second to go now.

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Signals that came since [`Signals::listen`].
pub(super) struct Signals {
    first: CancellationToken,
    second: CancellationToken,
    _task: JoinSet<()>,
}

impl Signals {
    /// From now on signals do not end the process by themselves.
    pub(super) fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        let mut terminate = listen(SignalKind::terminate())?;
        let mut interrupt = listen(SignalKind::interrupt())?;
        let (first, second) = (CancellationToken::new(), CancellationToken::new());
        let (first_came, second_came) = (first.clone(), second.clone());
        let mut task = JoinSet::new();
        task.spawn(async move {
            next(&mut terminate, &mut interrupt).await;
            first_came.cancel();
            next(&mut terminate, &mut interrupt).await;
            second_came.cancel();
        });
        Ok(Self {
            first,
            second,
            _task: task,
        })
    }

    /// Ends at the first signal.
    pub(super) fn first(&self) -> impl Future<Output = ()> + Send + use<> {
        self.first.clone().cancelled_owned()
    }

    /// Ends at the second signal.
    pub(super) fn second(&self) -> impl Future<Output = ()> + Send + use<> {
        self.second.clone().cancelled_owned()
    }
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
