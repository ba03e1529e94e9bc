//! `schedule`: running sequences close their gaps, then waiting ones are admitted.

use crate::batch::BatchPlan;
use crate::kv_cache::PrefixMatch;
use crate::scheduler::draft::Draft;
use crate::scheduler::queues::Scheduler;
use crate::sequence::Sequence;

impl Scheduler {
    /// Plans a step. The plan is empty only when no sequence is left; it must then be given to
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

    /// The running sequence that arrived last gives its blocks back and waits at the front.
    fn preempt_latest(&mut self) {
        if let Some(mut sequence) = self.running.pop() {
            self.cache.release(&mut sequence.table);
            sequence.preempt();
            self.waiting.push_front(sequence);
            self.counters.preemptions += 1;
        }
    }

    /// Waiting sequences in order of arrival, until budget, time, slots or blocks are used up.
    fn admit_waiting(&mut self, draft: &mut Draft) {
        while draft.has_budget() && self.running.len() < self.limits.max_num_seqs() {
            let Some(mut sequence) = self.waiting.pop_front() else {
                return;
            };
            if let Err(error) = self.fits(&sequence) {
                self.end(sequence, Err(error));
                continue;
            }
            if !self.admit(&mut sequence, draft) {
                self.waiting.push_front(sequence);
                return;
            }
            self.running.push(sequence);
        }
    }

    /// Finds what of the sequence is cached, takes blocks for the rest, leaving a spare one for each
    /// running sequence, and plans what there is time for. All or nothing.
    fn admit(&mut self, sequence: &mut Sequence, draft: &mut Draft) -> bool {
        let (len, spare) = (sequence.tokens().len(), self.running.len());
        let (table, matchable) = sequence.matchable();
        let prefix = self.cache.match_prefix(table, matchable);
        let share = draft.share(sequence, prefix.num_tokens(), 0);
        if share == 0 {
            return false;
        }
        let table = &mut sequence.table;
        if self.cache.allocate(table, &prefix, len, spare).is_err() {
            return false;
        }
        if !sequence.was_admitted() {
            self.counters.prefix_queried_tokens += prefix.num_queried() as u64;
            self.counters.prefix_hit_tokens += prefix.num_tokens() as u64;
        }
        sequence.admit(prefix.num_tokens());
        draft.add(sequence, share);
        true
    }
}
