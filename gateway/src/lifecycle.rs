//! How a server ends. Each phase begins when its token is cancelled, and they begin in this order:
//! not ready, then draining, then cut (G2).

use std::future::Future;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// The phases, and the count of requests that are still answered.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle {
    not_ready: CancellationToken,
    draining: CancellationToken,
    cut: CancellationToken,
    requests: TaskTracker,
}

impl Lifecycle {
    /// From now on `/readyz` says no; everything is served still.
    pub(crate) fn turn_not_ready(&self) {
        self.not_ready.cancel();
    }

    /// From now on nothing new is served.
    pub(crate) fn drain(&self) {
        self.turn_not_ready();
        self.draining.cancel();
        self.requests.close();
    }

    /// From now on running answers end with an error.
    pub(crate) fn cut(&self) {
        self.cut.cancel();
    }

    /// Whether shutdown has begun.
    pub(crate) fn is_not_ready(&self) -> bool {
        self.not_ready.is_cancelled()
    }

    /// Whether new work is refused.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Ends when new work is refused.
    pub(crate) fn until_draining(&self) -> impl Future<Output = ()> + Send + use<> {
        self.draining.clone().cancelled_owned()
    }

    /// Ends when running answers must.
    pub(crate) fn until_cut(&self) -> impl Future<Output = ()> + Send + use<> {
        self.cut.clone().cancelled_owned()
    }

    /// Counts a request until the token is dropped.
    pub(crate) fn request(&self) -> TaskTrackerToken {
        self.requests.token()
    }

    /// Ends when draining has begun and no request is left.
    pub(crate) async fn until_idle(&self) {
        self.requests.wait().await;
    }
}
