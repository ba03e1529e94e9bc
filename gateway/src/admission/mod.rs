//! Who may generate now, who waits, and who is told to come back.
//!
//! Two counting semaphores hold the whole story. A *place* is held from arrival to the last byte of
//! the answer; there are `max_ongoing + max_queued` of them, and taking one is a single atomic step,
//! so that of N concurrent arrivals exactly min(N, places) get in (G3). A *slot* is held while the
//! answer is made; there are `max_ongoing`, handed out first come, first served. Both live in one
//! [`Permit`], which travels with the response body and is given back when that is dropped, however
//! it ends (G1). A client that goes away while it waits drops its place with its future.
//!
//! Lines of batches go behind all requests: they take a slot only while some stay free, and no place, so that
//! the queue is as long as it was. Who hands them out gives some up when a request has to wait (`batches`).

mod body;
mod door;
#[cfg(test)]
mod tests;

pub(crate) use body::Guarded;
pub(crate) use door::{Admission, Full, Occupancy, Permit, PermitBehind};
