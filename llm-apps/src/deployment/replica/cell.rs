//! What a replica's own task and its deployment both see.

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::id::ReplicaId;
use crate::deployment::status::ReplicaState;

/// One replica's state, written by its task and read by its deployment.
#[derive(Debug)]
pub(in crate::deployment) struct ReplicaCell {
    pub(in crate::deployment) id: ReplicaId,
    /// The blueprint that it is made from.
    pub(in crate::deployment) version: u64,
    state: Mutex<ReplicaState>,
    /// Cancelled to have it stop.
    pub(in crate::deployment) stop: CancellationToken,
}

impl ReplicaCell {
    pub(in crate::deployment) fn new(id: ReplicaId, version: u64) -> Self {
        Self {
            id,
            version,
            state: Mutex::new(ReplicaState::Starting),
            stop: CancellationToken::new(),
        }
    }

    pub(in crate::deployment) fn state(&self) -> ReplicaState {
        *self.state.lock()
    }

    pub(super) fn set(&self, state: ReplicaState) {
        *self.state.lock() = state;
    }
}
