//! A replica as its deployment keeps it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::Id;

use super::cell::ReplicaCell;
use crate::deployment::machine::{Reservation, Resources};
use crate::deployment::reconcile::View;
use crate::deployment::status::ReplicaState;

/// One replica, from its start until its task has ended.
#[derive(Debug)]
pub(in crate::deployment) struct Kept {
    pub(in crate::deployment) cell: Arc<ReplicaCell>,
    /// Its task.
    pub(in crate::deployment) task: Id,
    /// Its share of the machine.
    share: Reservation,
    /// When it was first seen to run.
    running_since: Option<Duration>,
}

impl Kept {
    pub(in crate::deployment) fn new(cell: Arc<ReplicaCell>, task: Id, share: Reservation) -> Self {
        Self {
            cell,
            task,
            share,
            running_since: None,
        }
    }

    /// Whether it takes requests.
    pub(in crate::deployment) fn serves(&self) -> bool {
        matches!(
            self.cell.state(),
            ReplicaState::Running | ReplicaState::Updating
        )
    }

    /// Since when it has been seen to run, as of `now`.
    pub(in crate::deployment) fn runs_since(&mut self, now: Duration) -> Option<Duration> {
        if self.cell.state() != ReplicaState::Running {
            return None;
        }
        Some(*self.running_since.get_or_insert(now))
    }

    /// What a decision goes by. None of one that was told to stop and may not have noticed yet.
    pub(in crate::deployment) fn view(&self, ongoing: usize) -> Option<View> {
        (!self.cell.stop.is_cancelled()).then(|| View {
            id: self.cell.id,
            version: self.cell.version,
            state: self.cell.state(),
            ongoing,
        })
    }

    /// Its share of the machine.
    pub(in crate::deployment) fn share(&self) -> &Reservation {
        &self.share
    }

    /// Changes its share, where there is room for it.
    pub(in crate::deployment) fn resize(&mut self, wanted: Resources) -> Result<(), String> {
        if self.share.resources() == wanted {
            return Ok(());
        }
        let changed = self.share.change(wanted);
        changed.map_err(|shortage| format!("replica {} waits: {shortage}", self.cell.id))
    }
}
