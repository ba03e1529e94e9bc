//! `schedule`: running sequences close their gaps, then waiting ones are admitted.

use crate::batch::BatchPlan;
use crate::kv_cache::PrefixMatch;
use crate::scheduler::draft::Draft;
use crate::scheduler::queues::Scheduler;

impl Scheduler {
    /// Plans a step. The plan is empty only when no sequence is left, or when all that are left wait
    /// for blocks from disk; it must then be given to
    /// [`update`](Self::update) all the same, which reports those that ended without being computed.
    pub(crate) fn schedule(&mut self) -> BatchPlan {
        let mut draft = Draft::new(self.limits, &self.running, self.cost.estimate());
        self.schedule_running(&mut draft);
        // Whoever was just preempted does not come back here: it would need all that it gave, and of
        // that a block has been taken.
        self.admit_waiting(&mut draft);
        draft.plan
    }

    /// Running sequences in order of arrival, each leaving a token to everyone behind it. There are
    /// never more of them than tokens in a step, so the earliest and all who decode have a share; a
    /// half-read prompt may have none when the step's time is used up.
    fn schedule_running(&mut self, draft: &mut Draft) {
        let mut i = 0;
        while i < self.running.len() {
            if self.make_room(i) {
                let sequence = &self.running[i];
                let behind = self.running.len() - i - 1;
                let share = draft.share(sequence, sequence.num_computed(), behind);
                draft.add(sequence, share);
                i += 1;
            }
        }
    }

    /// Gives running sequence `i` the blocks for its present length, preempting the latest arrivals
    /// if need be. `false` when it is itself no longer running, and `i` names the next or none.
    fn make_room(&mut self, i: usize) -> bool {
        if let Err(error) = self.fits(&self.running[i]) {
            let sequence = self.running.remove(i);
            self.end(sequence, Err(error));
            return false;
        }
        while i < self.running.len() {
            let sequence = &mut self.running[i];
            let len = sequence.tokens().len();
            let none = PrefixMatch::default();
            let grown = self.cache.allocate(&mut sequence.table, &none, len, 0);
            if grown.is_ok() {
                return true;
            }
            self.preempt_latest();
        }
        false
    }

    /// The running sequence that arrived last gives its blocks back and waits, in its old place.
    fn preempt_latest(&mut self) {
        if let Some(mut sequence) = self.running.pop() {
            self.cache.release(&mut sequence.table);
            sequence.preempt();
            let place = self.waiting.partition_point(|s| s.id < sequence.id);
            self.waiting.insert(place, sequence);
            self.counters.preemptions += 1;
        }
    }
}
