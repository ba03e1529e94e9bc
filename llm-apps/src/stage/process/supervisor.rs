//! Who starts children: the first, and another whenever one has ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::child::Worker;
use super::options::{ProcessOptions, Readiness};
use crate::stage::StageError;

/// Where the child stands.
#[derive(Debug)]
pub(super) enum Phase {
    /// One is being started.
    Starting,
    /// The last one could not start; there will be another try.
    Down(String),
    /// It takes requests, unless it has just ended.
    Running(Arc<Worker>),
}

/// How long a child must live until it counts as started, where it does not say itself.
const PROVES: Duration = Duration::from_secs(1);
/// From the end of a child to the start of the next.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

impl Phase {
    /// The child, if it can be asked.
    pub(super) fn worker(&self) -> Option<&Arc<Worker>> {
        match self {
            Self::Running(worker) => Some(worker).filter(|worker| worker.is_alive()),
            Self::Starting | Self::Down(_) => None,
        }
    }
}

/// A child that takes requests. With `proves`, one that does not say when it does must live for a while.
///
/// # Errors
/// [`StageError::Unavailable`] says what became of it, with the last lines of its error output.
pub(super) async fn begin(
    options: &ProcessOptions,
    offered: &watch::Sender<bool>,
    proves: bool,
) -> Result<Arc<Worker>, StageError> {
    let worker = Arc::new(Worker::start(options, offered.clone())?);
    let failure = match options.readiness {
        Readiness::SaysSo(within) => tokio::select! {
            () = worker.said_ready() => None,
            reason = worker.ended() => Some(reason),
            () = sleep(within) => Some(format!(
                "`{}` did not write `{{\"ready\": true}}` within {within:?}, its `start_timeout_s`",
                options.command.join(" ")
            )),
        },
        Readiness::Lives if proves => timeout(PROVES, worker.ended()).await.ok(),
        Readiness::Lives => None,
    };
    match failure {
        None => Ok(worker),
        Some(reason) => Err(StageError::Unavailable(worker.explains(&reason))),
    }
}

/// Keeps a child running, `worker` first. Never ends.
pub(super) async fn supervise(
    options: Arc<ProcessOptions>,
    mut worker: Arc<Worker>,
    phase: watch::Sender<Phase>,
    offered: watch::Sender<bool>,
) {
    let mut pause = Duration::ZERO;
    loop {
        let since = Instant::now();
        phase.send_replace(Phase::Running(Arc::clone(&worker)));
        offered.send_replace(worker.is_alive());
        worker.ended().await;
        offered.send_replace(false);
        phase.send_replace(Phase::Starting);
        // One that a request killed was fit to start.
        let mut proves = since.elapsed() < PROVES && !worker.has_answered();
        if !proves {
            pause = Duration::ZERO;
        }
        drop(worker);
        worker = loop {
            pause = (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
            sleep(pause).await;
            match begin(&options, &offered, proves).await {
                Ok(worker) => break worker,
                Err(error) => {
                    tracing::warn!(%error, "a child process cannot be started again");
                    phase.send_replace(Phase::Down(error.to_string()));
                    proves = true;
                }
            }
        };
    }
}
