//! [`Core`]: all that the engine's thread owns, and the step that moves it.
//!
//! It knows no thread itself: tests and the simulation call [`Core::step`] from theirs.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::batch::{BatchPlan, SequenceId};
use crate::core::clock::Clock;
use crate::core::command::Submission;
use crate::core::compute::compute;
use crate::core::generation::Generation;
use crate::core::speculate::GuessTimes;
use crate::core::stats::{StatsBoard, StepTimes};
use crate::error::EngineError;
use crate::invariants::{Violation, check_plan, check_state};
use crate::kv_tiers::KvTiers;
use crate::model::Forward;
use crate::sampler::Sampled;
use crate::scheduler::{Ended, Scheduler};
use crate::speculation::Speculator;
use crate::step_cost::Work;

/// The engine without its thread.
#[derive(Debug)]
pub(crate) struct Core {
    pub(super) model: Box<dyn Forward>,
    pub(super) scheduler: Scheduler,
    /// The accepted requests that have not ended.
    generations: BTreeMap<SequenceId, Generation>,
    /// The model's end-of-sequence tokens.
    eos: Vec<u32>,
    stats: Arc<StatsBoard>,
    /// Guesses tokens ahead; `None` when that is off.
    pub(super) speculator: Option<Speculator>,
    pub(super) clock: Clock,
    times: StepTimes,
    /// Where blocks go that the pool has no room for.
    pub(super) tiers: Option<KvTiers>,
}

impl Core {
    /// A core with nothing to do. The scheduler's cache has as many blocks as the model.
    pub(crate) fn new(
        model: Box<dyn Forward>,
        scheduler: Scheduler,
        eos: Vec<u32>,
        stats: Arc<StatsBoard>,
        clock: Clock,
    ) -> Self {
        let times = StepTimes::default();
        stats.publish(&scheduler, times);
        Self {
            model,
            scheduler,
            generations: BTreeMap::new(),
            eos,
            stats,
            speculator: None,
            clock,
            times,
            tiers: None,
        }
    }

    /// The same with the colder tiers of whose index the scheduler's cache knows.
    #[must_use]
    pub(crate) fn with_tiers(mut self, tiers: Option<KvTiers>) -> Self {
        self.tiers = tiers;
        self
    }

    /// Guesses tokens ahead.
    #[must_use]
    pub(crate) fn speculating(mut self, speculator: Speculator) -> Self {
        self.speculator = Some(speculator);
        self
    }

    /// Takes a request in. It is queued, or will end with the next step.
    pub(crate) fn accept(&mut self, submission: Submission) -> SequenceId {
        let id = self.scheduler.add(submission.request.clone());
        self.generations.insert(id, Generation::new(submission));
        id
    }

    /// Whether no request is left.
    pub(crate) fn is_idle(&self) -> bool {
        self.generations.is_empty()
    }

    /// Schedule, compute, update, deliver.
    pub(crate) fn step(&mut self) {
        self.drop_abandoned();
        self.hear_of_disk();
        let began = self.clock.now();
        let mut plan = self.scheduler.schedule();
        let planned = self.clock.now();
        self.guess(&mut plan);
        let guessed = self.clock.now();
        // Guesses too take blocks from others.
        let moving = self.move_blocks();
        debug_assert_eq!(check_plan(&self.scheduler, &plan), Ok(()));

        let sampled = compute(&mut *self.model, &plan, &mut self.generations, &self.eos);
        let computed = self.clock.now();
        let succeeded = sampled.is_ok();
        let times = GuessTimes {
            guessing: guessed.saturating_sub(planned),
            computing: computed.saturating_sub(guessed + moving),
        };
        let (sampled, ended) = self.update(&plan, sampled, times);
        let updated = self.clock.now();

        self.times.steps += updated.saturating_sub(began);
        self.times.scheduling += planned.saturating_sub(began) + updated.saturating_sub(computed);
        // How long it takes to fail says nothing.
        if succeeded {
            let computing = updated.saturating_sub(began + moving);
            self.scheduler
                .observe(&Work::of(&plan), computing.as_secs_f64());
        }

        self.stats.publish(&self.scheduler, self.times);
        self.deliver(&plan, sampled);
        self.end(ended);
        debug_assert_eq!(self.check(), Ok(()));
        if plan.is_empty() {
            self.await_disk();
        }
    }

    /// Ends every request in `error`.
    pub(crate) fn end_all(&mut self, error: &EngineError) {
        let ended = self.scheduler.fail_all(error);
        self.stats.publish(&self.scheduler, self.times);
        self.end(ended);
    }

    /// What must hold between two steps.
    pub(crate) fn check(&self) -> Result<(), Violation> {
        check_state(&self.scheduler, self.generations.keys().copied())
    }

    /// Frees what belongs to requests whose readers are gone.
    fn drop_abandoned(&mut self) {
        let abandoned = self.generations.extract_if(.., |_, g| g.is_abandoned());
        for (id, _) in abandoned {
            self.scheduler.abort(id);
            if let Some(speculator) = &mut self.speculator {
                speculator.forget(id);
            }
        }
    }

    /// Tells the scheduler what became of the plan: what was sampled, and who ended.
    fn update(
        &mut self,
        plan: &BatchPlan,
        computed: Result<Vec<Vec<Sampled>>, EngineError>,
        times: GuessTimes,
    ) -> (Vec<Vec<Sampled>>, Vec<Ended>) {
        match computed {
            Ok(sampled) => {
                let tokens: Vec<_> = sampled.iter().map(|said| ids(said)).collect();
                self.learn(plan, &tokens, times);
                self.give_up(plan);
                let ended = self.scheduler.update(plan, &tokens);
                (sampled, ended)
            }
            Err(error) => {
                tracing::error!(%error, sequences = plan.sequences.len(), "a step failed");
                (Vec::new(), self.scheduler.fail(plan, &error))
            }
        }
    }

    /// Ends the sequences of the plan that cannot go on, each by itself.
    fn give_up(&mut self, plan: &BatchPlan) {
        for scheduled in &plan.sequences {
            let generation = self.generations.get_mut(&scheduled.id);
            if let Some(error) = generation.and_then(Generation::take_failure) {
                self.scheduler.fail_one(scheduled.id, error);
            }
        }
    }

    fn deliver(&mut self, plan: &BatchPlan, sampled: Vec<Vec<Sampled>>) {
        for (scheduled, sampled) in plan.sequences.iter().zip(sampled) {
            if let Some(generation) = self.generations.get_mut(&scheduled.id) {
                sampled.into_iter().for_each(|token| generation.say(token));
            }
        }
    }

    fn end(&mut self, ended: Vec<Ended>) {
        for Ended { id, outcome } in ended {
            if let Some(speculator) = &mut self.speculator {
                speculator.forget(id);
            }
            if let Some(generation) = self.generations.remove(&id) {
                generation.end(outcome);
            }
        }
    }
}

fn ids(sampled: &[Sampled]) -> Vec<u32> {
    sampled.iter().map(|token| token.id).collect()
}
