//! Guesses in a plan: for whom tokens may be guessed, and how a guess gets its place.
//!
//! A guess costs nobody anything: it takes tokens of the budget and blocks of the cache that are left
//! when everyone has had a share, and is made shorter or not at all where there are none.

use crate::batch::{BatchPlan, LogitRows, SequenceId};
use crate::config::BLOCK_SIZE;
use crate::kv_cache::{BlockTable, PrefixMatch};
use crate::scheduler::queues::Scheduler;

/// A sequence whose gap a plan closes, so that tokens may be guessed behind it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draftable<'a> {
    /// Its index in the plan.
    pub(crate) place: usize,
    /// Whose tokens they are.
    pub(crate) id: SequenceId,
    /// The prompt, then what was generated.
    pub(crate) tokens: &'a [u32],
    /// Tokens worth guessing at most, one or more: one less than it may still say, because a step
    /// says one more than was guessed right.
    pub(crate) most: usize,
}

impl Scheduler {
    /// The sequences of `plan` for which tokens may be guessed. Not those whose prompts are scored
    /// in this step, nor those with at most one token to say.
    pub(crate) fn draftable<'a>(
        &'a self,
        plan: &'a BatchPlan,
    ) -> impl Iterator<Item = Draftable<'a>> {
        let sampling = plan.sequences.iter().enumerate();
        sampling.filter_map(|(place, scheduled)| {
            if scheduled.logits != LogitRows::Last {
                return None;
            }
            let sequence = &self.running[self.find_running(scheduled.id)?];
            let most = sequence.num_unsaid().saturating_sub(1);
            (most > 0).then(|| Draftable {
                place,
                id: scheduled.id,
                tokens: sequence.tokens(),
                most,
            })
        })
    }

    /// Tokens that `plan` leaves of a step's budget.
    pub(crate) fn budget_left(&self, plan: &BatchPlan) -> usize {
        let budget = self.limits.max_num_batched_tokens();
        budget.saturating_sub(plan.num_tokens())
    }

    /// Lets `plan` compute `drafts` behind the gap of the sequence at `place`, as many of them as
    /// budget and blocks allow.
    pub(crate) fn add_drafts(&mut self, plan: &mut BatchPlan, place: usize, drafts: &[u32]) {
        let count = drafts.len().min(self.budget_left(plan));
        let Some(scheduled) = plan.sequences.get_mut(place) else {
            return;
        };
        let Some(i) = self.find_running(scheduled.id) else {
            return;
        };
        // Each running sequence keeps a spare block, as when one is admitted.
        let spare = self.running.len();
        let free = self.cache.num_available().saturating_sub(spare);
        let sequence = &mut self.running[i];
        let len = sequence.tokens().len();
        let table = &mut sequence.table;
        let held = table.blocks().len();
        let wanted = BlockTable::blocks_for(len + count).min(held + free);
        if wanted > held {
            let none = PrefixMatch::default();
            let tokens = wanted * BLOCK_SIZE;
            // Should there be none after all, what the table has must do.
            self.cache.allocate(table, &none, tokens, spare).ok();
        }
        let room = (table.blocks().len() * BLOCK_SIZE).saturating_sub(len);
        let drafts = &drafts[..count.min(room)];
        if scheduled.logits != LogitRows::Last || drafts.is_empty() {
            return;
        }
        let num_blocks = BlockTable::blocks_for(len + drafts.len());
        scheduled.tokens.extend_from_slice(drafts);
        scheduled.block_table = table.blocks()[..num_blocks].to_vec();
        scheduled.logits = LogitRows::Tail(drafts.len() + 1);
    }
}
