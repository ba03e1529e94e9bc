//! The two semaphores, and the permit that holds one of each.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use thiserror::Error;
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The door. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    places: Arc<Semaphore>,
    slots: Arc<Semaphore>,
    max_ongoing: usize,
    capacity: usize,
    refused: Arc<AtomicU64>,
    /// Permits of work that goes behind all requests.
    behind: Arc<AtomicUsize>,
    /// Told when a permit comes back, and when a request begins to wait.
    changed: Arc<Notify>,
}

/// The right to generate one answer, given back on drop.
// Fields drop in order: the slot first, so that whoever waits moves up before a place is free.
#[derive(Debug)]
#[must_use]
pub(crate) struct Permit {
    _slot: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
    _told: Told,
}

/// The right to generate behind all requests: a slot that none of them wants now. It has no place, so that it
/// takes none from those who wait.
#[derive(Debug)]
#[must_use]
pub(crate) struct PermitBehind {
    _slot: OwnedSemaphorePermit,
    _count: Behind,
    _told: Told,
}

/// One of the permits behind.
#[derive(Debug)]
struct Behind(Arc<AtomicUsize>);

/// Says that a permit has come back.
#[derive(Debug)]
struct Told(Arc<Notify>);

/// What the door looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Occupancy {
    /// Permits in use.
    pub(crate) ongoing: usize,
    /// Those of them that go behind all requests.
    pub(crate) behind: usize,
    /// Requests that wait for a permit.
    pub(crate) queued: usize,
    /// Requests refused for lack of room since the start.
    pub(crate) refused: u64,
}

/// Every place is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the limits of {ongoing} running and {queued} queued requests are reached")]
pub(crate) struct Full {
    /// Requests that may run.
    pub(crate) ongoing: usize,
    /// Requests that may wait.
    pub(crate) queued: usize,
}

impl Admission {
    /// A door for `max_ongoing` running and `max_queued` waiting requests.
    pub(crate) fn new(max_ongoing: NonZeroUsize, max_queued: usize) -> Self {
        let max_ongoing = max_ongoing.get().min(Semaphore::MAX_PERMITS);
        let capacity = max_ongoing
            .saturating_add(max_queued)
            .min(Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(capacity)),
            slots: Arc::new(Semaphore::new(max_ongoing)),
            max_ongoing,
            capacity,
            refused: Arc::default(),
            behind: Arc::default(),
            changed: Arc::default(),
        }
    }

    /// Takes a place now or never, then waits for a slot.
    ///
    /// # Errors
    /// [`Full`] when no place is free.
    pub(crate) async fn enter(&self) -> Result<Permit, Full> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Err(self.refuse());
        };
        if self.slots.available_permits() == 0 {
            self.changed.notify_waiters();
        }
        // The semaphore is never closed, so waiting for a slot only ends with one.
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else {
            return Err(self.refuse());
        };
        Ok(Permit {
            _slot: slot,
            _place: place,
            _told: Told(Arc::clone(&self.changed)),
        })
    }

    /// A slot for work that goes behind all requests, if more than `spare` others stay free.
    pub(crate) fn enter_behind(&self, spare: usize) -> Option<PermitBehind> {
        // The first waiting request gets each slot that comes back, so what is free is wanted by none.
        if self.slots.available_permits() <= spare {
            return None;
        }
        let slot = Arc::clone(&self.slots).try_acquire_owned().ok()?;
        self.behind.fetch_add(1, Ordering::Relaxed);
        Some(PermitBehind {
            _slot: slot,
            _count: Behind(Arc::clone(&self.behind)),
            _told: Told(Arc::clone(&self.changed)),
        })
    }

    /// Ends when a permit comes back, or a request begins to wait, after this call.
    pub(crate) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Slots in all.
    pub(crate) fn slots(&self) -> usize {
        self.max_ongoing
    }

    /// Counts at this moment.
    pub(crate) fn occupancy(&self) -> Occupancy {
        let ongoing = self.max_ongoing - self.slots.available_permits();
        let inside = self.capacity - self.places.available_permits();
        let behind = self.behind.load(Ordering::Relaxed).min(ongoing);
        Occupancy {
            ongoing,
            behind,
            queued: inside.saturating_sub(ongoing - behind),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    /// Counts a request that found no room: at this door, or at an engine's behind it.
    pub(crate) fn count_refusal(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    fn refuse(&self) -> Full {
        self.count_refusal();
        Full {
            ongoing: self.max_ongoing,
            queued: self.capacity - self.max_ongoing,
        }
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.0.notify_waiters();
    }
}
