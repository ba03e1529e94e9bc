//! Sessions stay at one replica.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use crate::deployment::ReplicaId;
use crate::stage::Call;

use super::traits::{Candidate, RequestRouter};

/// Rendezvous hashing (Thaler and Ravishankar, 1998): each session prefers the replica with the
/// highest hash of (session, replica), so a replica that comes or goes moves its own sessions only.
/// A session whose replica is full goes to the next one; a request without a session goes where
/// `otherwise` says.
#[derive(Debug, Clone)]
pub struct SessionAffinity<R> {
    otherwise: R,
}

impl<R: RequestRouter> SessionAffinity<R> {
    /// `otherwise` chooses for requests that belong to no session.
    pub fn new(otherwise: R) -> Self {
        Self { otherwise }
    }
}

impl<R: RequestRouter> RequestRouter for SessionAffinity<R> {
    fn choose(&mut self, candidates: &[Candidate], call: &Call) -> Option<usize> {
        let Some(session) = call.session() else {
            return self.otherwise.choose(candidates, call);
        };
        let score = |candidate: &Candidate| {
            // Its keys are fixed, so two processes agree.
            let mut hasher = DefaultHasher::new();
            (session, candidate.replica).hash(&mut hasher);
            hasher.finish()
        };
        (0..candidates.len()).max_by_key(|&index| score(&candidates[index]))
    }

    fn forget(&mut self, replica: ReplicaId) {
        self.otherwise.forget(replica);
    }
}
