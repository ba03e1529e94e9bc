//! The step's side of speculation: guesses go into the plan, and what became of them is learnt.

use std::time::Duration;

use crate::batch::BatchPlan;
use crate::core::engine_core::Core;

/// What speculation needs to know of a step's time.
#[derive(Debug, Clone, Copy)]
pub(super) struct GuessTimes {
    /// How long it took to guess.
    pub(super) guessing: Duration,
    /// How long it took to compute the plan, guesses and all.
    pub(super) computing: Duration,
}

impl Core {
    /// Adds guesses to what `plan` computes, with what it leaves of the budget.
    pub(super) fn guess(&mut self, plan: &mut BatchPlan) {
        let Some(speculator) = &mut self.speculator else {
            return;
        };
        let budget = self.scheduler.budget_left(plan);
        let guesses = speculator.guess(plan, self.scheduler.draftable(plan), budget);
        for guess in guesses {
            self.scheduler.add_drafts(plan, guess.place, &guess.tokens);
        }
    }

    /// Takes in which guesses of `plan` were right, and how long it took.
    pub(super) fn learn(&mut self, plan: &BatchPlan, sampled: &[Vec<u32>], times: GuessTimes) {
        let Some(speculator) = &mut self.speculator else {
            return;
        };
        speculator.learn_time(plan, times.computing, times.guessing);
        for (scheduled, tokens) in plan.sequences.iter().zip(sampled) {
            speculator.learn(scheduled, tokens);
        }
    }
}
