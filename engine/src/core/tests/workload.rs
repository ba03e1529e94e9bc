//! A made-up day of an engine, all of it from one seed.

#![expect(
    clippy::cast_possible_truncation,
    reason = "the workload's numbers are small"
)]

use std::sync::Arc;

use crate::config::EngineConfig;
use crate::core::tests::{EOS, LIMITS};
use crate::request::{GenerateRequest, SamplingParams};
use crate::scheduler::SchedulerLimits;
use crate::speculation::{DraftModel, Speculator};
use crate::testing::{FakeModel, FakeToken};

/// An engine's sizes and everything that happens to it.
#[derive(Debug)]
pub(super) struct Workload {
    pub(super) num_blocks: usize,
    pub(super) limits: SchedulerLimits,
    pub(super) prefix_caching: bool,
    pub(super) arrivals: Vec<Arrival>,
    /// Blocks of the memory tier; `None` where there is none.
    pub(super) tier_blocks: Option<usize>,
    /// Microseconds that a token takes on the machine of the day, beside 5 ms for each step.
    pub(super) token_micros: u64,
    /// The model fails in each step whose number this divides.
    pub(super) fails_every: Option<usize>,
    /// How many of the last tokens the model answers to; `None` for all.
    pub(super) recent: Option<usize>,
    pub(super) guesses: Option<Guesses>,
}

/// How tokens are guessed ahead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guesses {
    /// In one step.
    most: usize,
    /// Tokens that match.
    lookup: (usize, usize),
    /// Blocks of a draft model, where one guesses in place of the lookup, and what it answers to:
    /// as many of the last tokens as the model, or one.
    draft: Option<(usize, bool)>,
}

/// A request, and its reader's patience.
#[derive(Debug)]
pub(super) struct Arrival {
    /// Before which turn it is submitted.
    pub(super) at: usize,
    pub(super) request: GenerateRequest,
    /// Before which turn its reader goes away.
    pub(super) vanishes: Option<usize>,
}

impl Workload {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let max_num_seqs = random.between(1, 10);
        let budget = max_num_seqs + random.between(0, 40);
        let num_blocks = random.between(3, 20);
        let horizon = random.between(1, 60);
        let num_requests = random.between(1, 32);
        Self {
            num_blocks,
            limits: match random.one_in(2) {
                true => SchedulerLimits::new(max_num_seqs, budget),
                false => SchedulerLimits::new(max_num_seqs, budget).with_target_itl(0.02),
            },
            tier_blocks: random.one_in(3).then(|| random.between(2, 30)),
            token_micros: random.between(0, 3000) as u64,
            prefix_caching: !random.one_in(8),
            arrivals: (0..num_requests)
                .map(|_| Arrival::new(&mut random, horizon, num_blocks))
                .collect(),
            fails_every: random.one_in(6).then(|| random.between(5, 60)),
            recent: (!random.one_in(3)).then(|| random.between(1, 2)),
            guesses: (!random.one_in(4)).then(|| Guesses::new(&mut random)),
        }
    }

    /// A model as the workload has it.
    pub(super) fn model(&self, num_blocks: usize) -> FakeModel {
        let answer = self.recent.map_or(FakeToken::Hashed, FakeToken::Recent);
        FakeModel::new(LIMITS, num_blocks).answering(move |_| answer)
    }

    /// What guesses ahead.
    pub(super) fn speculator(&self) -> Option<Speculator> {
        let Guesses {
            most,
            lookup,
            draft,
        } = self.guesses?;
        let Some((blocks, good)) = draft else {
            return Some(Speculator::by_lookup(most, lookup));
        };
        let model = match good {
            true => self.model(blocks),
            false => FakeModel::new(LIMITS, blocks).answering(|_| FakeToken::Recent(1)),
        };
        let config = EngineConfig {
            enable_prefix_caching: self.prefix_caching,
            max_num_batched_tokens: self.limits.max_num_batched_tokens(),
            ..EngineConfig::default()
        };
        let model = DraftModel::new(Box::new(model), LIMITS.vocab_size, &config);
        Some(Speculator::by_model(most, model))
    }

    /// Turns within which everything must be over: the last arrival's, and for each sequence as many
    /// steps as it has tokens (E7).
    pub(super) fn most_turns(&self) -> usize {
        let last = self
            .arrivals
            .iter()
            .map(|a| a.at.max(a.vanishes.unwrap_or(0)));
        let tokens = self
            .arrivals
            .iter()
            .map(|a| a.request.prompt().len() + a.request.params().max_tokens as usize);
        last.max().unwrap_or(0) + tokens.sum::<usize>() + 1
    }
}

impl Arrival {
    fn new(random: &mut Random, horizon: usize, num_blocks: usize) -> Self {
        let at = random.between(0, horizon);
        // One in a few is meant to be too long for the cache, at once or as it grows.
        let longest = if random.one_in(12) { 18 } else { 6 } * num_blocks;
        let prompt = prompt(random, longest);
        let params = params(random);
        let choice = random.small(3);
        let request = GenerateRequest::new(prompt.into(), choice, Arc::new(params), &LIMITS)
            .expect("the workload's requests are valid");
        Self {
            at,
            request,
            vanishes: random.one_in(5).then(|| at + random.between(0, 30)),
        }
    }
}

impl Guesses {
    fn new(random: &mut Random) -> Self {
        let min = random.between(1, 3);
        Self {
            most: random.between(1, 20),
            lookup: (min, min + random.between(0, 3)),
            draft: random
                .one_in(2)
                .then(|| (random.between(3, 60), random.one_in(2))),
        }
    }
}

/// One of four beginnings, as long as it comes, then tokens of its own; so that prompts share
/// prefixes of all lengths, whole prompts among them.
fn prompt(random: &mut Random, longest: usize) -> Vec<u32> {
    let len = random.between(1, longest);
    let shared = random.between(0, len);
    let family = random.small(4);
    (0..len)
        .map(|i| {
            let token = if i < shared {
                family * 7 + i as u32 * 3
            } else {
                random.small(1000)
            };
            token % LIMITS.vocab_size as u32
        })
        .collect()
}

fn params(random: &mut Random) -> SamplingParams {
    let max_tokens = if random.one_in(15) {
        0
    } else {
        random.small(70)
    };
    SamplingParams {
        temperature: if random.one_in(3) { 0.0 } else { 1.0 },
        top_k: random.small(6),
        top_p: if random.one_in(3) { 0.8 } else { 1.0 },
        repetition_penalty: if random.one_in(4) { 1.3 } else { 1.0 },
        frequency_penalty: if random.one_in(4) { 0.7 } else { 0.0 },
        seed: random.next(),
        max_tokens,
        min_tokens: if random.one_in(4) { max_tokens / 2 } else { 0 },
        stop_token_ids: if random.one_in(4) {
            vec![5, EOS]
        } else {
            vec![]
        },
        ignore_eos: random.one_in(2),
        logprobs: random.one_in(4).then_some(2),
        prompt_logprobs: random.one_in(6).then_some(1),
        ..SamplingParams::default()
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub(super) struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// From `low` to `high`, both included.
    fn between(&mut self, low: usize, high: usize) -> usize {
        low + (self.next() % (high - low + 1) as u64) as usize
    }

    /// Below `end`.
    fn small(&mut self, end: u32) -> u32 {
        (self.next() % u64::from(end)) as u32
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.next().is_multiple_of(many)
    }
}
