//! [`Speculator`]: what is known of each sequence, and the guesses that follow.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::batch::{BatchPlan, ScheduledSequence, SequenceId};
use crate::scheduler::Draftable;
use crate::speculation::acceptance::Acceptance;
use crate::speculation::costs::StepCosts;
use crate::speculation::depth::depths;
use crate::speculation::draft_model::{Ask, DraftModel};
use crate::speculation::ngram::NgramLookup;

/// Chances to guess that are passed over before one token is guessed all the same, to see whether it
/// pays now; doubled after each such probe that was wrong, up to the second number.
const PATIENCE: (u32, u32) = (4, 64);

/// Share of a new measurement in the running mean of what a guess costs.
const WEIGHT: f64 = 0.125;

/// Guesses tokens for the sequences of an engine.
#[derive(Debug)]
pub(crate) struct Speculator {
    source: Source,
    /// Tokens guessed for a sequence in one step at most.
    most: usize,
    records: BTreeMap<SequenceId, Record>,
    /// All sequences together: what is expected of one of which nothing is known.
    overall: Acceptance,
    costs: StepCosts,
    /// Seconds that a guess costs before it is verified.
    guess_cost: f64,
    /// Guesses made in the present step.
    made: usize,
}

/// Tokens guessed for one sequence of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Guess {
    /// Its index in the plan.
    pub(crate) place: usize,
    /// The tokens, one or more.
    pub(crate) tokens: Vec<u32>,
}

/// Where guesses come from.
#[derive(Debug)]
enum Source {
    Ngram(NgramLookup),
    Draft(Box<DraftModel>),
    /// The draft model failed: nothing is guessed any more.
    Broken,
}

/// What is known of one sequence.
#[derive(Debug)]
struct Record {
    acceptance: Acceptance,
    /// Chances passed over since the last guess, and how many are before the next probe.
    passed: u32,
    patience: u32,
}

impl Speculator {
    /// Guesses from the sequences' own tokens, by matches of `min` to `max` tokens; `most` tokens at
    /// most in a step.
    pub(crate) fn by_lookup(most: usize, (min, max): (usize, usize)) -> Self {
        Self::new(most, Source::Ngram(NgramLookup::new(min, max)))
    }

    /// Guesses from a smaller model; `most` tokens at most in a step.
    pub(crate) fn by_model(most: usize, model: DraftModel) -> Self {
        Self::new(most, Source::Draft(Box::new(model)))
    }

    fn new(most: usize, source: Source) -> Self {
        Self {
            source,
            most,
            records: BTreeMap::new(),
            overall: Acceptance::unknown(),
            costs: StepCosts::new(),
            guess_cost: 0.0,
            made: 0,
        }
    }

    /// Guesses for sequences of `plan`, at most `budget` tokens in all.
    pub(crate) fn guess<'a>(
        &mut self,
        plan: &BatchPlan,
        candidates: impl Iterator<Item = Draftable<'a>>,
        budget: usize,
    ) -> Vec<Guess> {
        let mut candidates: Vec<_> = candidates.collect();
        for candidate in &mut candidates {
            candidate.most = candidate.most.min(self.most);
        }
        let guesses = match &mut self.source {
            Source::Ngram(lookup) => {
                // A sequence for which nothing is found is no candidate.
                let mut found = Vec::with_capacity(candidates.len());
                candidates.retain(|c| match lookup.guess(c.id, c.tokens, c.most) {
                    Some(tokens) => {
                        found.push(tokens);
                        true
                    }
                    None => false,
                });
                let depths = self.depths(plan, &candidates, budget);
                for (tokens, depth) in found.iter_mut().zip(depths) {
                    tokens.truncate(depth);
                }
                found
            }
            Source::Draft(_) => {
                let depths = self.depths(plan, &candidates, budget);
                self.ask_model(&candidates, &depths)
            }
            Source::Broken => return Vec::new(),
        };
        self.made = guesses.iter().map(Vec::len).sum();
        let places = candidates.iter().map(|candidate| candidate.place);
        places
            .zip(guesses)
            .filter(|(_, tokens)| !tokens.is_empty())
            .map(|(place, tokens)| Guess { place, tokens })
            .collect()
    }

    /// The draft model's guesses. When it fails, which is a fault of the engine's and never of a
    /// request, the served model goes on without it.
    fn ask_model(&mut self, candidates: &[Draftable<'_>], depths: &[usize]) -> Vec<Vec<u32>> {
        let Source::Draft(model) = &mut self.source else {
            return Vec::new();
        };
        let asks: Vec<_> = candidates
            .iter()
            .zip(depths)
            .map(|(candidate, &count)| Ask {
                id: candidate.id,
                tokens: candidate.tokens,
                count,
            })
            .collect();
        // Should it panic, it is not used again.
        let why = match catch_unwind(AssertUnwindSafe(|| model.guess(&asks))) {
            Ok(Ok(guesses)) => return guesses,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it panicked".to_owned(),
        };
        tracing::error!(%why, "the draft model failed; nothing is guessed any more");
        self.source = Source::Broken;
        Vec::new()
    }

    /// Takes in which drafts of a step were right: `sampled` are the tokens that came of `scheduled`.
    pub(crate) fn learn(&mut self, scheduled: &ScheduledSequence, sampled: &[u32]) {
        let (drafts, accepted) = (scheduled.drafts().len(), scheduled.num_accepted(sampled));
        if drafts == 0 {
            return;
        }
        // Neither right nor wrong is what was not looked at, because the answer ended.
        let then_wrong = accepted < drafts && accepted < sampled.len();
        self.overall.learn(accepted, then_wrong);
        if let Some(record) = self.records.get_mut(&scheduled.id) {
            record.acceptance.learn(accepted, then_wrong);
            record.passed = 0;
            record.patience = match accepted {
                0 => (record.patience * 2).min(PATIENCE.1),
                _ => PATIENCE.0,
            };
        }
    }

    /// Takes in how long a step took, and before it the guesses. Steps that read prompts say little
    /// about rows that are sampled.
    pub(crate) fn learn_time(&mut self, plan: &BatchPlan, step: Duration, guessing: Duration) {
        let rows = plan.num_tokens();
        if rows == plan.num_logit_rows() {
            self.costs.learn(rows, step.as_secs_f64());
            if self.made > 0 {
                let cost = guessing.as_secs_f64() / self.made as f64;
                self.guess_cost += WEIGHT * (cost - self.guess_cost);
            }
        }
    }

    /// A sequence is gone.
    pub(crate) fn forget(&mut self, id: SequenceId) {
        self.records.remove(&id);
        match &mut self.source {
            Source::Ngram(lookup) => lookup.forget(id),
            Source::Draft(model) => model.forget(id),
            Source::Broken => {}
        }
    }

    /// How many tokens to guess for each of `candidates`: what pays, or a probe, within `budget`.
    fn depths(
        &mut self,
        plan: &BatchPlan,
        candidates: &[Draftable<'_>],
        mut budget: usize,
    ) -> Vec<usize> {
        let overall = self.overall;
        let mut chances = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let record = self.records.entry(candidate.id).or_insert(Record {
                acceptance: overall,
                passed: 0,
                patience: PATIENCE.0,
            });
            chances.push(record.acceptance.chance());
        }
        let most: Vec<_> = candidates.iter().map(|candidate| candidate.most).collect();
        let load = (plan.num_tokens(), num_saying(plan));
        let line = self.costs.around(load.0);
        let mut depths = depths(&chances, &most, load, line, self.guess_cost);
        for (candidate, depth) in candidates.iter().zip(&mut depths) {
            if let Some(record) = self.records.get_mut(&candidate.id)
                && *depth == 0
            {
                record.passed += 1;
                *depth = usize::from(record.passed > record.patience);
            }
            *depth = (*depth).min(budget);
            budget -= *depth;
        }
        depths
    }
}

/// Sequences of `plan` that say a token.
fn num_saying(plan: &BatchPlan) -> usize {
    let says = |s: &&ScheduledSequence| s.num_logit_rows() > 0;
    plan.sequences.iter().filter(says).count()
}
