//! The step's side of speculation: guesses go into the plan, and what became of them is learnt.

use std::time::Duration;

use crate::batch::BatchPlan;
use crate::core::engine_core::Core;

/// When a step began, and when its guesses were made.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    begun: Duration,
    guessed: Duration,
}

impl Core {
    /// Adds guesses to what `plan` computes, with what it leaves of the budget.
    pub(super) fn guess(&mut self, plan: &mut BatchPlan) -> Times {
        let Some(speculator) = &mut self.speculator else {
            return Times::default();
        };
        let begun = self.clock.now();
        let budget = self.scheduler.budget_left(plan);
        let guesses = speculator.guess(plan, self.scheduler.draftable(plan), budget);
        for guess in guesses {
            self.scheduler.add_drafts(plan, guess.place, &guess.tokens);
        }
        let guessed = self.clock.now();
        Times { begun, guessed }
    }

    /// Takes in which guesses of `plan` were right, and how long it took.
    pub(super) fn learn(&mut self, plan: &BatchPlan, sampled: &[Vec<u32>], times: Times) {
        let Some(speculator) = &mut self.speculator else {
            return;
        };
        let step = self.clock.now().saturating_sub(times.guessed);
        let guessing = times.guessed.saturating_sub(times.begun);
        speculator.learn_time(plan, step, guessing);
        for (scheduled, tokens) in plan.sequences.iter().zip(sampled) {
            speculator.learn(scheduled, tokens);
        }
    }
}
