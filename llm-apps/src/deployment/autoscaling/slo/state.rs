//! What the planner of an application remembers between two plans.

use std::collections::BTreeMap;
use std::time::Duration;

use super::stage::StageLoad;

/// Since when what could be changed could be changed. A plain value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlannerState {
    /// Since when an objective is broken, or a stage asked for more than it can do.
    pub(super) broken_since: Option<Duration>,
    /// By stage: when it grew last.
    pub(super) grown: BTreeMap<String, Duration>,
    /// By stage: what it could do without.
    pub(super) spare: BTreeMap<String, Spare>,
}

/// Replicas that a stage could do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spare {
    /// Since when without a break.
    pub(super) since: Duration,
    /// The most replicas that were needed since then.
    pub(super) needed: u32,
}

impl PlannerState {
    /// Forgets stages that are no more.
    pub(super) fn retain(&mut self, stages: &[StageLoad]) {
        let known = |name: &String| stages.iter().any(|stage| stage.name == *name);
        self.grown.retain(|name, _| known(name));
        self.spare.retain(|name, _| known(name));
    }

    /// Notes that at `now` a stage needs `needed` of its replicas, or (None) all. Gives what it could
    /// do without since then.
    pub(super) fn note_spare(
        &mut self,
        stage: &StageLoad,
        needed: Option<u32>,
        now: Duration,
    ) -> Option<Spare> {
        let Some(needed) = needed else {
            self.spare.remove(&stage.name);
            return None;
        };
        let spare = match self.spare.get(&stage.name) {
            // An older note may be of more replicas than there are since somebody else took some.
            Some(old) if old.needed < stage.target_replicas => Spare {
                since: old.since,
                needed: old.needed.max(needed),
            },
            _ => Spare { since: now, needed },
        };
        self.spare.insert(stage.name.clone(), spare);
        Some(spare)
    }

    /// How long the objectives have been broken, as of `now`, in view of what `stage` did: a replica
    /// that was just added is given the time to show what it helps.
    pub(super) fn broken_for(&self, stage: &str, now: Duration) -> Duration {
        let since = self.broken_since.unwrap_or(now);
        let grown = self.grown.get(stage).copied().unwrap_or_default();
        now.saturating_sub(since.max(grown))
    }
}
