//! What a router is asked.

use crate::deployment::ReplicaId;
use crate::stage::Call;

/// A replica that has a place free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The replica.
    pub replica: ReplicaId,
    /// Requests that it is at, counted the moment they were given to it.
    pub ongoing: usize,
}

/// Chooses replicas. It is asked under the deployment's lock, so it must be quick; what it learns it
/// keeps in bounds.
pub trait RequestRouter: Send {
    /// The index of the candidate that `call` goes to. There is at least one. `None` has the request
    /// wait for a place elsewhere.
    fn choose(&mut self, candidates: &[Candidate], call: &Call) -> Option<usize>;

    /// A replica that takes no more requests.
    fn forget(&mut self, replica: ReplicaId) {
        let _ = replica;
    }
}
