//! How many requests the engine holds, counted by guards.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The count of requests between submission and terminal event, and its limit.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    count: Arc<AtomicUsize>,
    limit: usize,
}

/// One request's place in the count, from submission to its terminal event or its reader's going
/// away, whichever is first. Dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Reservation {
    count: Arc<AtomicUsize>,
}

impl Held {
    /// Nothing held yet, `limit` at most.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            count: Arc::new(AtomicUsize::new(0)),
            limit,
        }
    }

    /// Takes a place; `None` when all are taken. Of N callers at once exactly as many succeed as
    /// there are places.
    pub(crate) fn reserve(&self) -> Option<Reservation> {
        let one_more = |count| (count < self.limit).then_some(count + 1);
        self.count
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more)
            .ok()?;
        Some(Reservation {
            count: Arc::clone(&self.count),
        })
    }

    /// Places taken now.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Places in all.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::AcqRel);
    }
}
