//! A response that is being made, as those see it who watch.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::events::tell;
use crate::sse::{Feed, Frames};
use crate::store::ResponseRecord;

/// Its record, which grows. One that is kept is as one that has ended.
#[derive(Debug)]
pub(crate) struct Live {
    record: Mutex<ResponseRecord>,
    changed: Notify,
    cancel: CancellationToken,
}

/// Those that are being made, by their ids.
pub(super) type Registry = Arc<Mutex<HashMap<String, Arc<Live>>>>;

/// Is among those that are being made as long as it lives.
#[derive(Debug)]
pub(super) struct Registered {
    id: String,
    registry: Registry,
}

/// Tells the events of a response, as they come.
#[derive(Debug)]
pub(crate) struct Watching {
    live: Arc<Live>,
    next: u64,
}

impl Live {
    pub(crate) fn new(record: ResponseRecord) -> Arc<Self> {
        Arc::new(Self {
            record: Mutex::new(record),
            changed: Notify::new(),
            cancel: CancellationToken::new(),
        })
    }

    /// What is to be seen of it now.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&ResponseRecord) -> T) -> T {
        look(&self.record.lock())
    }

    /// Changes it and tells those who watch.
    pub(super) fn change(&self, change: impl FnOnce(&mut ResponseRecord)) {
        change(&mut self.record.lock());
        self.changed.notify_waiters();
    }

    /// Asks for its end.
    pub(crate) fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Ends when its end was asked for.
    pub(super) fn cancelled(&self) -> impl Future<Output = ()> + Send + use<> {
        self.cancel.clone().cancelled_owned()
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&self) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Listens before it looks, so that nothing is missed between.
            changed.as_mut().enable();
            if self.look(|record| record.status.is_final()) {
                return;
            }
            changed.await;
        }
    }

    /// Puts it among those that are being made.
    pub(super) fn register(self: &Arc<Self>, registry: &Registry) -> Registered {
        let id = self.look(|record| record.id.clone());
        registry.lock().insert(id.clone(), Arc::clone(self));
        Registered {
            id,
            registry: Arc::clone(registry),
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.lock().remove(&self.id);
    }
}

impl Watching {
    /// From the event numbered `next` on.
    pub(crate) fn from(live: Arc<Live>, next: u64) -> Self {
        Self { live, next }
    }

    /// Appends what is there. Returns whether that was the last.
    pub(super) fn tell(&mut self, out: &mut Frames) -> bool {
        let next = &mut self.next;
        self.live.look(|record| tell(record, next, out))
    }
}

impl Feed for Watching {
    async fn feed(&mut self, out: &mut Frames) -> bool {
        let live = Arc::clone(&self.live);
        loop {
            let mut changed = std::pin::pin!(live.changed.notified());
            changed.as_mut().enable();
            let before = out.len();
            if self.tell(out) {
                return false;
            }
            if out.len() > before {
                return true;
            }
            changed.await;
        }
    }
}
