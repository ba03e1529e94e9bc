//! From the replicas that are to those that should be: what to start and what to stop now. A pure
//! function, so that every rollout can be tried without a replica.

use std::cmp::Reverse;
use std::time::Duration;

use super::replica::ReplicaId;
use super::status::ReplicaState;

/// A replica as the decision sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct View {
    pub(super) id: ReplicaId,
    /// The blueprint that it was made from.
    pub(super) version: u64,
    pub(super) state: ReplicaState,
    /// Requests that it is at.
    pub(super) ongoing: usize,
}

/// What should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Wish {
    /// Replicas.
    pub(super) target: usize,
    /// The blueprint that all should be made from.
    pub(super) version: u64,
    /// Replicas that a rollout replaces at a time, 1 or more.
    pub(super) step: usize,
    /// Replicas beyond the target that a rollout may have at a time.
    pub(super) surge: usize,
    /// Whether replicas may be started now.
    pub(super) may_start: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Makes a replica of the wished version.
    Start,
    Stop(ReplicaId),
}

/// The steps that are due. Ready and starting replicas never exceed the target by more than the surge
/// (P2); a rollout takes an old replica away only when as many others as are wanted serve, or, with no
/// surge, one step at a time.
pub(super) fn reconcile(wish: &Wish, replicas: &[View]) -> Vec<Action> {
    let alive =
        |view: &&View| !matches!(view.state, ReplicaState::Stopping | ReplicaState::Stopped);
    let (new, old): (Vec<View>, Vec<View>) = replicas
        .iter()
        .filter(alive)
        .copied()
        .partition(|view| view.version == wish.version);
    let ready = |views: &[View]| views.iter().filter(|v| serves(v)).count();
    let mut actions = Vec::new();
    let stopped = {
        let too_many_new = new.len().saturating_sub(wish.target);
        let too_many_old = if wish.surge > 0 {
            let spare = wish.target.saturating_sub(ready(&new));
            old.len().saturating_sub(spare)
        } else {
            // As many as may be missing at a time, and those that a smaller target leaves over.
            let missing = wish.target.saturating_sub(ready(&new) + ready(&old));
            let over = (new.len() + old.len()).saturating_sub(wish.target);
            let due = if wish.may_start {
                wish.step.saturating_sub(missing)
            } else {
                0
            };
            over.max(due.min(wish.target.saturating_sub(new.len())))
                .min(old.len())
        };
        actions.extend(least_missed(&old, too_many_old).map(Action::Stop));
        actions.extend(least_missed(&new, too_many_new).map(Action::Stop));
        too_many_old + too_many_new
    };
    if wish.may_start {
        let rollout = !old.is_empty();
        let room = if rollout {
            let left = new.len() + old.len() - stopped;
            let starting = new.len() - ready(&new);
            (wish.target + wish.surge)
                .saturating_sub(left)
                .min(wish.step.saturating_sub(starting))
        } else {
            usize::MAX
        };
        let wanted = wish.target.saturating_sub(new.len());
        actions.extend(std::iter::repeat_n(Action::Start, wanted.min(room)));
    }
    actions
}

/// Whether a replica takes requests.
fn serves(view: &View) -> bool {
    matches!(view.state, ReplicaState::Running | ReplicaState::Updating)
}

/// The replicas to stop first: those that do not serve yet, then the least busy, then the youngest.
fn least_missed(views: &[View], count: usize) -> impl Iterator<Item = ReplicaId> {
    let mut order = views.to_vec();
    order.sort_by_key(|view| (serves(view), view.ongoing, Reverse(view.id)));
    order.into_iter().take(count).map(|view| view.id)
}

/// Starts that failed in a row, and when the next may be tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Failures {
    count: usize,
    last: Duration,
}

/// Wait behind the first failure; it doubles with each further one.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);

impl Failures {
    /// One more, at `now` since the deployment began.
    pub(super) fn note(&mut self, now: Duration) {
        self.count += 1;
        self.last = now;
    }

    /// A start succeeded, or a new blueprint came.
    pub(super) fn forget(&mut self) {
        self.count = 0;
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Whether a start may be tried.
    pub(super) fn over(&self, now: Duration) -> bool {
        let Some(doublings) = self.count.checked_sub(1) else {
            return true;
        };
        let doublings = u32::try_from(doublings).unwrap_or(u32::MAX).min(16);
        let wait = FIRST_BACKOFF
            .saturating_mul(1 << doublings)
            .min(LONGEST_BACKOFF);
        now.saturating_sub(self.last) >= wait
    }
}
