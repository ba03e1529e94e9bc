//! [`Draft`]: a plan being written, and what it may still take, in tokens and in time.

use crate::batch::{BatchPlan, ScheduledSequence};
use crate::config::BLOCK_SIZE;
use crate::kv_cache::BlockTable;
use crate::scheduler::queues::SchedulerLimits;
use crate::sequence::Sequence;
use crate::step_cost::{Estimate, Work};

/// A plan being written.
pub(super) struct Draft {
    pub(super) plan: BatchPlan,
    /// Tokens that it may still take.
    budget: usize,
    /// How long it may take, while somebody reads a stream.
    pace: Option<Pace>,
    /// Whether a prompt has a share already.
    reads_a_prompt: bool,
}

/// How long the step may take, and what it is known to compute.
struct Pace {
    estimate: Estimate,
    /// Seconds that the step should last at most.
    target: f64,
    work: Work,
}

impl Draft {
    /// An empty plan. While a sequence of `running` decodes and there is an `estimate`, prompts get
    /// what time its target leaves; the work of all who decode is counted from the start.
    pub(super) fn new(
        limits: SchedulerLimits,
        running: &[Sequence],
        estimate: Option<Estimate>,
    ) -> Self {
        let mut work = Work::default();
        for sequence in running.iter().filter(|s| s.decodes()) {
            let gap = sequence.gap();
            work.add(sequence.num_computed(), gap, gap);
        }
        let target = limits.target_itl();
        let pace = |estimate| Pace {
            estimate,
            target,
            work,
        };
        Self {
            plan: BatchPlan::default(),
            budget: limits.max_num_batched_tokens(),
            pace: estimate
                .filter(|_| work.tokens > 0 && target.is_finite())
                .map(pace),
            reads_a_prompt: false,
        }
    }

    /// Whether a token is left.
    pub(super) fn has_budget(&self) -> bool {
        self.budget > 0
    }

    /// How many tokens of `sequence` from `start` on may be computed, when `behind` tokens must be
    /// left to others: 0 when the time is used up.
    ///
    /// Who decodes has its whole gap. Of prompts the first gets a block whatever the time, so that
    /// reading goes on; beyond that, and for all others, they get what the time lasts for.
    pub(super) fn share(&self, sequence: &Sequence, start: usize, behind: usize) -> usize {
        let gap = sequence.tokens().len() - start;
        let most = gap.min(self.budget.saturating_sub(behind));
        match &self.pace {
            Some(pace) if !sequence.decodes() => {
                let least = if self.reads_a_prompt { 0 } else { BLOCK_SIZE };
                pace.affordable(sequence, start, most).max(least.min(most))
            }
            _ => most,
        }
    }

    /// Adds `share` tokens of the sequence's gap; nothing when it is 0.
    pub(super) fn add(&mut self, sequence: &Sequence, share: usize) {
        if share == 0 {
            return;
        }
        let start = sequence.num_computed();
        let end = start + share;
        self.budget = self.budget.saturating_sub(share);
        let num_blocks = BlockTable::blocks_for(end);
        let scheduled = ScheduledSequence {
            id: sequence.id,
            tokens: sequence.tokens()[start..end].to_vec(),
            start,
            block_table: sequence.table.blocks()[..num_blocks].to_vec(),
            logits: sequence.logits_at(end),
        };
        if !sequence.decodes() {
            self.reads_a_prompt = true;
            if let Some(pace) = &mut self.pace {
                pace.work.add(start, share, scheduled.num_logit_rows());
            }
        }
        self.plan.sequences.push(scheduled);
    }
}

impl Pace {
    /// The most of `most` tokens from `start` on with which the step keeps its target: all of them, or
    /// a block and more, or none.
    fn affordable(&self, sequence: &Sequence, start: usize, most: usize) -> usize {
        let fits = |count: usize| {
            let rows = sequence.logits_at(start + count).count(count);
            let work = self.work.with(start, count, rows);
            self.estimate.cautious_seconds(&work) <= self.target
        };
        if fits(most) {
            return most;
        }
        // More tokens take longer, so the counts that fit come first.
        let (mut fit, mut too_long) = (0, most);
        while fit + 1 < too_long {
            let middle = usize::midpoint(fit, too_long);
            match fits(middle) {
                true => fit = middle,
                false => too_long = middle,
            }
        }
        if fit < BLOCK_SIZE { 0 } else { fit }
    }
}
