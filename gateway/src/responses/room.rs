//! What responses of one server share: those that are being made, those that are kept, and the tasks of those in the
//! background.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::live::{Live, Registry};
use crate::error::ApiError;
use crate::state::Gateway;
use crate::store::{MAX_CONVERSATIONS, Room, Store};

/// Responses in the background that are made or wait for their turn, at most.
pub(crate) const MAX_BACKGROUND: usize = 64;
/// Seconds that a response is kept: 30 days, as OpenAI keeps them.
const KEPT: u64 = 30 * 86_400;

/// The responses of one server.
#[derive(Debug)]
pub(crate) struct Responses {
    pub(super) live: Registry,
    kept: OnceCell<Keeping>,
    /// Those in the background.
    tasks: TaskTracker,
    stop: CancellationToken,
    places: Arc<Semaphore>,
}

/// Where responses and conversations are kept, and how many.
#[derive(Debug, Clone)]
pub(crate) struct Keeping {
    pub(crate) store: Store,
    pub(crate) room: Room,
    pub(crate) conversations: u64,
}

impl Default for Responses {
    fn default() -> Self {
        Self {
            live: Registry::default(),
            kept: OnceCell::new(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            places: Arc::new(Semaphore::new(MAX_BACKGROUND)),
        }
    }
}

impl Keeping {
    /// What came at this time or before is forgotten, seconds since 1970.
    pub(crate) fn since(&self, state: &Gateway) -> u64 {
        state.edge().now().saturating_sub(self.room.seconds)
    }
}

impl Responses {
    /// Where they are kept: in the data folder, and where there is none to be had, in memory.
    pub(crate) async fn keeping(&self, store: &Store) -> &Keeping {
        let found = async {
            match store.run(|_| Ok(())).await {
                Ok(()) => Keeping {
                    store: store.clone(),
                    room: Room {
                        responses: 10_000,
                        bytes: 1 << 30,
                        seconds: KEPT,
                    },
                    conversations: MAX_CONVERSATIONS,
                },
                Err(error) => {
                    tracing::warn!(%error, "responses and conversations are kept in memory only");
                    Keeping {
                        store: Store::in_memory(),
                        room: Room {
                            responses: 1_000,
                            bytes: 64 << 20,
                            seconds: KEPT,
                        },
                        conversations: 1_000,
                    }
                }
            }
        };
        self.kept.get_or_init(|| found).await
    }

    /// One that is being made.
    pub(crate) fn live(&self, id: &str) -> Option<Arc<Live>> {
        self.live.lock().get(id).cloned()
    }

    /// A place in the background.
    ///
    /// # Errors
    /// [`ApiError::Busy`] where there is none.
    pub(super) fn place(&self, state: &Gateway) -> Result<OwnedSemaphorePermit, ApiError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map_err(|_| ApiError::Busy {
            message: format!(
                "the limit of {MAX_BACKGROUND} responses in the background is reached"
            ),
            retry_after: state.config().retry_after,
        })
    }

    /// Runs a task until its end or the server's.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// Ends the tasks that are left, and waits for them. What they were at has failed, as the next process will say.
    pub(crate) async fn close(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
