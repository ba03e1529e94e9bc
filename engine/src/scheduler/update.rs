//! `update` and `fail`: what became of a plan, and who ended.

use crate::batch::{BatchPlan, SequenceId};
use crate::error::EngineError;
use crate::event::{FinishReason, Usage};
use crate::scheduler::queues::Scheduler;
use crate::sequence::Sequence;

/// A sequence that ended and is gone from the queues. Each is reported once, unless aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Whose end it is.
    pub(crate) id: SequenceId,
    /// Why it ended and what it cost, or what went wrong.
    pub(crate) outcome: Result<(FinishReason, Usage), EngineError>,
}

impl Scheduler {
    /// Takes in that `plan` was computed. `sampled` has an entry for each sequence of the plan: what
    /// was sampled from its rows, where its gap was closed and it has more to say. That is one token
    /// and one more for each draft that was right; what was computed for the others is forgotten.
    pub(crate) fn update(&mut self, plan: &BatchPlan, sampled: &[Vec<u32>]) -> Vec<Ended> {
        debug_assert_eq!(plan.sequences.len(), sampled.len());
        self.count_step(plan);
        for (scheduled, tokens) in plan.sequences.iter().zip(sampled) {
            let Some(i) = self.find_running(scheduled.id) else {
                continue;
            };
            let sequence = &mut self.running[i];
            for &token in tokens {
                sequence.append(token);
            }
            let (drafts, accepted) = (scheduled.drafts().len(), scheduled.num_accepted(tokens));
            sequence.advance(scheduled.tokens.len() - drafts + accepted);
            let (table, computed) = sequence.committable();
            self.cache.commit(table, computed);
            self.counters.generated_tokens += tokens.len() as u64;
            self.counters.drafts += u64::from(drafts > 0);
            self.counters.draft_tokens += drafts as u64;
            self.counters.accepted_tokens += accepted as u64;
            if let Some(reason) = sequence.finish_reason(&self.eos) {
                let sequence = self.running.remove(i);
                self.end(sequence, Ok(reason));
            }
        }
        std::mem::take(&mut self.ended)
    }

    /// Takes in that `plan` could not be computed: its sequences end in `error`. What their earlier
    /// steps computed stays in the prefix index.
    pub(crate) fn fail(&mut self, plan: &BatchPlan, error: &EngineError) -> Vec<Ended> {
        self.count_step(plan);
        for scheduled in &plan.sequences {
            if let Some(sequence) = self.take_running(scheduled.id) {
                self.end(sequence, Err(error.clone()));
            }
        }
        std::mem::take(&mut self.ended)
    }

    /// One sequence of the plan being updated cannot go on; it is reported with the next update.
    pub(crate) fn fail_one(&mut self, id: SequenceId, error: EngineError) {
        if let Some(sequence) = self.take_running(id) {
            self.end(sequence, Err(error));
        }
    }

    /// Ends every sequence in `error`.
    pub(crate) fn fail_all(&mut self, error: &EngineError) -> Vec<Ended> {
        let waiting = std::mem::take(&mut self.waiting);
        for sequence in std::mem::take(&mut self.running).into_iter().chain(waiting) {
            self.end(sequence, Err(error.clone()));
        }
        std::mem::take(&mut self.ended)
    }

    /// Frees the blocks of a sequence that is in no queue any more, and notes its end.
    pub(super) fn end(&mut self, mut sequence: Sequence, why: Result<FinishReason, EngineError>) {
        self.cache.release(&mut sequence.table);
        *match why {
            Ok(FinishReason::StopToken(_)) => &mut self.counters.finished_stop,
            Ok(FinishReason::Length) => &mut self.counters.finished_length,
            Err(_) => &mut self.counters.failed,
        } += 1;
        self.ended.push(Ended {
            id: sequence.id,
            outcome: why.map(|reason| (reason, sequence.usage())),
        });
    }

    fn count_step(&mut self, plan: &BatchPlan) {
        if plan.is_empty() {
            return;
        }
        self.counters.steps += 1;
        for scheduled in &plan.sequences {
            let found = self.find_running(scheduled.id);
            let prompt_len = found.map_or(0, |i| self.running[i].prompt_len());
            let end = prompt_len.min(scheduled.start + scheduled.tokens.len());
            self.counters.prompt_tokens += end.saturating_sub(scheduled.start) as u64;
        }
    }
}
