//! `schedule`: running sequences close their gaps, then waiting ones are admitted.

use crate::batch::{BatchPlan, ScheduledSequence};
use crate::kv_cache::{BlockTable, PrefixMatch};
use crate::scheduler::queues::Scheduler;
use crate::sequence::Sequence;

/// A plan being written, and the tokens that it may still take.
struct Draft {
    plan: BatchPlan,
    budget: usize,
}

impl Scheduler {
    /// Plans a step. The plan is empty only when no sequence is left; it must then be given to
    /// [`update`](Self::update) all the same, which reports those that ended without being computed.
    pub(crate) fn schedule(&mut self) -> BatchPlan {
        let mut draft = Draft {
            plan: BatchPlan::default(),
            budget: self.limits.max_num_batched_tokens(),
        };
        self.schedule_running(&mut draft);
        // Whoever was just preempted does not come back here: it would need all that it gave, and of
        // that a block has been taken.
        self.admit_waiting(&mut draft);
        draft.plan
    }

    /// Running sequences in order of arrival, each leaving a token to everyone behind it. There are
    /// never more of them than tokens in a step, so each has a share of at least one.
    fn schedule_running(&mut self, draft: &mut Draft) {
        let mut i = 0;
        while i < self.running.len() {
            if self.make_room(i) {
                let behind = self.running.len() - i - 1;
                draft.add(&self.running[i], draft.budget.saturating_sub(behind));
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

    /// Waiting sequences in order of arrival, until budget, slots or blocks are used up.
    fn admit_waiting(&mut self, draft: &mut Draft) {
        while draft.budget > 0 && self.running.len() < self.limits.max_num_seqs() {
            let Some(mut sequence) = self.waiting.pop_front() else {
                return;
            };
            if let Err(error) = self.fits(&sequence) {
                self.end(sequence, Err(error));
                continue;
            }
            if !self.admit(&mut sequence) {
                self.waiting.push_front(sequence);
                return;
            }
            draft.add(&sequence, draft.budget);
            self.running.push(sequence);
        }
    }

    /// Finds what of the sequence is cached and takes blocks for the rest, leaving a spare one for
    /// each running sequence. All or nothing.
    fn admit(&mut self, sequence: &mut Sequence) -> bool {
        let (len, spare) = (sequence.tokens().len(), self.running.len());
        let (table, matchable) = sequence.matchable();
        let prefix = self.cache.match_prefix(table, matchable);
        if self.cache.allocate(table, &prefix, len, spare).is_err() {
            return false;
        }
        if !sequence.was_admitted() {
            self.counters.prefix_queried_tokens += prefix.num_queried() as u64;
            self.counters.prefix_hit_tokens += prefix.num_tokens() as u64;
        }
        sequence.admit(prefix.num_tokens());
        true
    }
}

impl Draft {
    /// Adds as much of the sequence's gap as `share` allows.
    fn add(&mut self, sequence: &Sequence, share: usize) {
        let start = sequence.num_computed();
        let end = start + sequence.gap().min(share);
        self.budget = self.budget.saturating_sub(end - start);
        let num_blocks = BlockTable::blocks_for(end);
        self.plan.sequences.push(ScheduledSequence {
            id: sequence.id,
            tokens: sequence.tokens()[start..end].to_vec(),
            start,
            block_table: sequence.table.blocks()[..num_blocks].to_vec(),
            logits: sequence.logits_at(end),
        });
    }
}
