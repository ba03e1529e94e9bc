//! Who may generate now, who waits, and who is told to come back.
//!
//! Two counting semaphores hold the whole story. A *place* is held from arrival to the last byte of
//! the answer; there are `max_ongoing + max_queued` of them, and taking one is a single atomic step,
//! so that of N concurrent arrivals exactly min(N, places) get in (G3). A *slot* is held while the
//! answer is made; there are `max_ongoing`, handed out first come, first served. Both live in one
//! [`Permit`], which travels with the response body and is given back when that is dropped, however
//! it ends (G1). A client that goes away while it waits drops its place with its future.

mod body;
#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) use self::body::Guarded;

/// The door. Clones share it.
#[derive(Debug, Clone)]
pub struct Admission {
    places: Arc<Semaphore>,
    slots: Arc<Semaphore>,
    max_ongoing: usize,
    capacity: usize,
    refused: Arc<AtomicU64>,
}

/// The right to generate one answer, given back on drop.
// Fields drop in order: the slot first, so that whoever waits moves up before a place is free.
#[derive(Debug)]
#[must_use]
pub struct Permit {
    _slot: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

/// What the door looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occupancy {
    /// Permits in use.
    pub ongoing: usize,
    /// Requests that wait for a permit.
    pub queued: usize,
    /// Requests refused since the start.
    pub refused: u64,
}

/// Every place is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{ongoing} requests are running and {queued} are queued, which is the limit")]
pub struct Full {
    /// Requests that may run.
    pub ongoing: usize,
    /// Requests that may wait.
    pub queued: usize,
}

impl Admission {
    /// A door for `max_ongoing` running and `max_queued` waiting requests.
    pub fn new(max_ongoing: NonZeroUsize, max_queued: usize) -> Self {
        let max_ongoing = max_ongoing.get().min(Semaphore::MAX_PERMITS);
        let capacity = max_ongoing.saturating_add(max_queued).min(Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(capacity)),
            slots: Arc::new(Semaphore::new(max_ongoing)),
            max_ongoing,
            capacity,
            refused: Arc::default(),
        }
    }

    /// Takes a place now or never, then waits for a slot.
    ///
    /// # Errors
    /// [`Full`] when no place is free.
    pub async fn enter(&self) -> Result<Permit, Full> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Err(self.refuse());
        };
        // The semaphore is never closed, so waiting for a slot only ends with one.
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else {
            return Err(self.refuse());
        };
        Ok(Permit {
            _slot: slot,
            _place: place,
        })
    }

    /// Counts at this moment.
    pub fn occupancy(&self) -> Occupancy {
        let ongoing = self.max_ongoing - self.slots.available_permits();
        let inside = self.capacity - self.places.available_permits();
        Occupancy {
            ongoing,
            queued: inside.saturating_sub(ongoing),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    fn refuse(&self) -> Full {
        self.refused.fetch_add(1, Ordering::Relaxed);
        Full {
            ongoing: self.max_ongoing,
            queued: self.capacity - self.max_ongoing,
        }
    }
}
