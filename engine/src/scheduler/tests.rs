//! What the scheduler promises, one promise a test; the simulation of `core` holds them all at once.

mod prefixes;

use std::sync::Arc;

use crate::batch::{BatchPlan, LogitRows, SequenceId};
use crate::error::EngineError;
use crate::event::FinishReason;
use crate::invariants::{check_plan, check_state};
use crate::kv_cache::KvCache;
use crate::request::{GenerateRequest, ModelLimits, SamplingParams};
use crate::scheduler::{Ended, Scheduler, SchedulerLimits};

const LIMITS: ModelLimits = ModelLimits {
    vocab_size: 100_000,
    max_model_len: 100_000,
};

/// A scheduler, stepped with a stand-in for the model that always says token 1.
struct Bench {
    scheduler: Scheduler,
    next_prompt: u32,
}

impl Bench {
    fn new(num_blocks: usize, max_num_seqs: usize, max_num_batched_tokens: usize) -> Self {
        let limits = SchedulerLimits::new(max_num_seqs, max_num_batched_tokens);
        Self {
            scheduler: Scheduler::new(limits, KvCache::new(num_blocks, true), vec![]),
            next_prompt: 0,
        }
    }

    /// Adds a prompt that begins like no other.
    fn add(&mut self, prompt_len: u32, max_tokens: u32) -> SequenceId {
        self.next_prompt += 1;
        let first = 1000 * self.next_prompt;
        let prompt = (first..first + prompt_len).collect();
        self.add_prompt(prompt, max_tokens, None)
    }

    fn add_prompt(
        &mut self,
        prompt: Vec<u32>,
        max_tokens: u32,
        prompt_logprobs: Option<u32>,
    ) -> SequenceId {
        let params = SamplingParams {
            max_tokens,
            prompt_logprobs,
            ..SamplingParams::default()
        };
        let request = GenerateRequest::new(prompt.into(), 0, Arc::new(params), &LIMITS);
        self.scheduler
            .add(request.expect("the test's request is valid"))
    }

    fn step(&mut self) -> (BatchPlan, Vec<Ended>) {
        let plan = self.scheduler.schedule();
        assert_eq!(check_plan(&self.scheduler, &plan), Ok(()));
        let sampled: Vec<_> = plan
            .sequences
            .iter()
            .map(|s| Vec::from_iter((s.logits == LogitRows::Last).then_some(1)))
            .collect();
        let ended = self.scheduler.update(&plan, &sampled);
        let queues = self
            .scheduler
            .running()
            .iter()
            .chain(self.scheduler.waiting());
        let held: Vec<_> = queues.map(|s| s.id).collect();
        assert_eq!(check_state(&self.scheduler, held), Ok(()));
        (plan, ended)
    }

    /// Ids and numbers of tokens of the next plan.
    fn step_shares(&mut self) -> Vec<(u64, usize)> {
        let plan = self.step().0;
        plan.sequences
            .iter()
            .map(|s| (s.id.0, s.tokens.len()))
            .collect()
    }

    fn num_unfinished(&self) -> usize {
        self.scheduler.running.len() + self.scheduler.waiting.len()
    }

    fn waiting(&self) -> Vec<u64> {
        self.scheduler.waiting().map(|s| s.id.0).collect()
    }
}

#[test]
fn a_long_prompt_is_read_in_chunks_beside_decodes() {
    let mut bench = Bench::new(100, 4, 10);
    bench.add(3, 9);
    bench.add(40, 9);
    bench.add(4, 9);
    // What is left of the budget goes to the next in order.
    assert_eq!(bench.step_shares(), [(0, 3), (1, 7)]);
    assert_eq!(bench.step_shares(), [(0, 1), (1, 9)]);
    assert_eq!(bench.step_shares(), [(0, 1), (1, 9)]);
    assert_eq!(bench.step_shares(), [(0, 1), (1, 9)]);
    assert_eq!(bench.step_shares(), [(0, 1), (1, 6), (2, 3)]);
    assert_eq!(bench.step_shares(), [(0, 1), (1, 1), (2, 1)]);
}

#[test]
fn a_large_gap_leaves_a_token_to_everyone_behind_it() {
    let mut bench = Bench::new(100, 4, 4);
    for _ in 0..3 {
        bench.add(1, 9);
    }
    bench.step();
    // As drafts of a speculating model would be: prompts are read in order of arrival, so with them
    // alone only the last running sequence has a gap larger than one.
    for draft in 0..5 {
        bench.scheduler.running[0].append(draft);
    }
    assert_eq!(bench.step_shares(), [(0, 2), (1, 1), (2, 1)]);
}

#[test]
fn prompts_are_read_in_order_of_arrival() {
    let mut bench = Bench::new(100, 4, 8);
    for len in [6, 30, 2] {
        bench.add(len, 9);
    }
    assert_eq!(bench.step_shares(), [(0, 6), (1, 2)]);
    assert_eq!(bench.step_shares(), [(0, 1), (1, 7)]);
    bench.scheduler.abort(SequenceId(0));
    assert_eq!(bench.step_shares(), [(1, 8)]);
    assert_eq!(bench.step_shares(), [(1, 8)]);
    assert_eq!(bench.step_shares(), [(1, 5), (2, 2)]);
}

#[test]
fn slots_limit_who_runs() {
    let mut bench = Bench::new(100, 2, 100);
    for _ in 0..3 {
        bench.add(5, 2);
    }
    assert_eq!(bench.step_shares(), [(0, 5), (1, 5)]);
    assert_eq!(bench.step_shares(), [(0, 1), (1, 1)]);
    assert_eq!(bench.step_shares(), [(2, 5)]);
}

#[test]
fn admission_leaves_a_spare_block_to_each_running_sequence() {
    for (num_blocks, shares) in [(4, &[(0, 30)][..]), (5, &[(0, 30), (1, 30)])] {
        let mut bench = Bench::new(num_blocks, 4, 100);
        bench.add(30, 30);
        bench.add(30, 30);
        assert_eq!(bench.step_shares(), shares);
    }
}

#[test]
fn the_latest_arrival_is_preempted_and_comes_back_first() {
    let mut bench = Bench::new(6, 4, 100);
    bench.add(30, 60);
    bench.add(30, 60);
    assert_eq!(bench.step_shares(), [(0, 30), (1, 30)]);
    let mut steps = 1;
    while bench.scheduler.counters().preemptions == 0 {
        bench.step();
        steps += 1;
    }
    // Sequence 0 reaches its fourth block with the token that the 20th step computes.
    assert_eq!(steps, 20);
    let newer = bench.add(10, 5).0;
    assert_eq!(bench.waiting(), [1, newer], "no newer one passes it");
    assert_eq!(bench.step_shares(), [(0, 1)]);
    let generated = bench.scheduler.waiting().next().unwrap().tokens().len() - 30;
    assert_eq!(generated, 19, "its tokens are kept");

    bench.scheduler.abort(SequenceId(0));
    let plan = bench.step().0;
    assert_eq!(plan.sequences[0].id, SequenceId(1));
    // Of its three full blocks the last was evicted, for sequence 0.
    assert_eq!(
        plan.sequences[0].start, 32,
        "what is still cached is not computed again"
    );
    assert_eq!(plan.sequences[1].id.0, newer);
}

#[test]
fn a_sequence_that_outgrows_the_cache_fails_alone() {
    let mut bench = Bench::new(2, 4, 100);
    let too_long = bench.add(33, 1);
    let error = EngineError::CacheTooSmall {
        needed: 3,
        total: 2,
    };
    let outcome = Err(error.clone());
    let id = too_long;
    assert_eq!(bench.step().1, [Ended { id, outcome }]);

    let id = bench.add(31, 9);
    let next = bench.add(10, 1);
    let mut ended = Vec::new();
    while bench.num_unfinished() > 0 {
        ended.extend(bench.step().1);
    }
    assert_eq!(
        ended[0],
        Ended {
            id,
            outcome: Err(error)
        }
    );
    assert_eq!(ended[1].id, next);
    assert_eq!(ended[1].outcome.as_ref().unwrap().0, FinishReason::Length);
    assert_eq!(bench.scheduler.counters().failed, 2);
    assert_eq!(bench.scheduler.cache().counts().used, 0);
}

#[test]
fn a_later_prompt_finds_what_an_earlier_one_computed() {
    let mut bench = Bench::new(20, 4, 100);
    let prompt: Vec<u32> = (0..50).collect();
    bench.add_prompt(prompt.clone(), 1, None);
    let (_, ended) = bench.step();
    assert_eq!(ended[0].outcome.as_ref().unwrap().1.cached_tokens, 0);
    bench.add_prompt(prompt, 1, None);
    let (plan, ended) = bench.step();
    assert_eq!(
        (plan.sequences[0].start, plan.sequences[0].tokens.len()),
        (48, 2)
    );
    assert_eq!(ended[0].outcome.as_ref().unwrap().1.cached_tokens, 48);
    let counters = bench.scheduler.counters();
    assert_eq!(counters.prefix_queried_tokens, 100);
    assert_eq!(counters.prefix_hit_tokens, 48);
    assert_eq!(counters.prompt_tokens, 52);
}

#[test]
fn prompt_logprobs_are_computed_whole_and_in_chunks() {
    let mut bench = Bench::new(20, 4, 20);
    let prompt: Vec<u32> = (0..50).collect();
    bench.add_prompt(prompt.clone(), 1, None);
    while bench.num_unfinished() > 0 {
        bench.step();
    }
    bench.add_prompt(prompt, 0, Some(1));
    let mut rows = Vec::new();
    while bench.num_unfinished() > 0 {
        let plan = bench.step().0;
        rows.push((plan.sequences[0].start, plan.num_logit_rows()));
    }
    assert_eq!(rows, [(0, 20), (20, 20), (40, 10)]);
}

#[test]
fn nothing_to_compute_ends_at_once() {
    let mut bench = Bench::new(4, 4, 100);
    let id = bench.add(10, 0);
    let (plan, ended) = bench.step();
    assert!(plan.is_empty());
    assert_eq!(ended[0].id, id);
    assert_eq!(ended[0].outcome.as_ref().unwrap().0, FinishReason::Length);
    assert_eq!(bench.scheduler.counters().steps, 0);
}

#[test]
fn an_aborted_sequence_leaves_nothing_and_is_not_reported() {
    let mut bench = Bench::new(4, 1, 100);
    let [running, waiting] = [bench.add(10, 5), bench.add(10, 5)];
    let plan = bench.scheduler.schedule();
    assert_eq!(plan.sequences[0].id, running);
    for id in [running, waiting, waiting, SequenceId(99)] {
        bench.scheduler.abort(id);
    }
    assert_eq!(bench.scheduler.update(&plan, &[vec![1]]), []);
    assert_eq!(bench.num_unfinished(), 0);
    assert_eq!(bench.scheduler.cache().counts().free, 4);
    assert_eq!(bench.scheduler.counters().aborted, 2);
}

#[test]
fn a_failed_step_ends_its_sequences_only() {
    let mut bench = Bench::new(4, 1, 100);
    let [failing, waiting] = [bench.add(20, 5), bench.add(20, 5)];
    bench.step();
    let plan = bench.scheduler.schedule();
    let error = EngineError::Model("lost".to_owned());
    let ended = bench.scheduler.fail(&plan, &error);
    let outcome = Err(error);
    assert_eq!(
        ended,
        [Ended {
            id: failing,
            outcome
        }]
    );
    let counts = bench.scheduler.cache().counts();
    assert_eq!(
        (counts.used, counts.cached),
        (0, 1),
        "the first step's block is sound"
    );
    assert_eq!(bench.step().0.sequences[0].id, waiting);
}

/// Plans a step with drafts for its first sequence and says what came of it; 1 is what is sampled, so
/// a draft of 1 is right.
fn step_with_drafts(bench: &mut Bench, drafts: &[u32]) -> Vec<u32> {
    let mut plan = bench.scheduler.schedule();
    bench.scheduler.add_drafts(&mut plan, 0, drafts);
    assert_eq!(check_plan(&bench.scheduler, &plan), Ok(()));
    let drafts = plan.sequences[0].drafts().to_vec();
    let mut sampled: Vec<_> = plan.sequences.iter().map(|_| vec![1]).collect();
    let right = drafts.iter().take_while(|draft| **draft == 1).count();
    sampled[0] = vec![1; right + 1];
    bench.scheduler.update(&plan, &sampled);
    let running = bench.scheduler.running().iter();
    let held: Vec<_> = running.map(|s| s.id).collect();
    assert_eq!(check_state(&bench.scheduler, held), Ok(()));
    drafts
}

#[test]
fn wrong_drafts_are_forgotten() {
    let mut bench = Bench::new(10, 1, 100);
    bench.add(14, 60);
    for (drafts, len) in [
        (&[1, 1, 7, 8][..], 17),
        (&[7; 20], 18),
        (&[1, 1], 21),
        (&[], 22),
    ] {
        assert_eq!(step_with_drafts(&mut bench, drafts), drafts);
        let sequence = &bench.scheduler.running()[0];
        assert_eq!(sequence.tokens().len(), len);
        assert_eq!(
            sequence.num_computed(),
            len - 1,
            "the gap is the last token"
        );
    }
    let counters = bench.scheduler.counters();
    assert_eq!(
        (
            counters.drafts,
            counters.draft_tokens,
            counters.accepted_tokens
        ),
        (3, 26, 4)
    );
    // A prompt that begins as the answer went finds it, and nothing of what was not said.
    let mut said = bench.scheduler.running()[0].tokens().to_vec();
    said.extend([7; 20]);
    bench.scheduler.abort(SequenceId(0));
    bench.add_prompt(said, 1, None);
    assert_eq!(bench.step().0.sequences[0].start, 16);
}

#[test]
fn drafts_take_neither_budget_nor_blocks_from_anyone() {
    let mut bench = Bench::new(5, 4, 12);
    bench.add(4, 60);
    bench.add(4, 60);
    assert_eq!(step_with_drafts(&mut bench, &[7; 9]).len(), 4, "of 12");
    assert_eq!(step_with_drafts(&mut bench, &[7; 20]).len(), 10, "of 12");

    // Of three blocks one is held, one is free to be taken, and one is spare.
    let mut bench = Bench::new(3, 4, 100);
    bench.add(14, 60);
    assert_eq!(step_with_drafts(&mut bench, &[7; 30]).len(), 18);
    assert_eq!(step_with_drafts(&mut bench, &[7; 30]).len(), 17);

    // Of four blocks two are held and two are spare: what these have left must do.
    let mut bench = Bench::new(4, 4, 100);
    bench.add(14, 60);
    bench.add(4, 60);
    let mut plan = bench.scheduler.schedule();
    for place in [0, 1, 9] {
        bench.scheduler.add_drafts(&mut plan, place, &[7; 30]);
    }
    let drafts: Vec<_> = plan.sequences.iter().map(|s| s.drafts().len()).collect();
    assert_eq!(drafts, [2, 12]);
}

#[test]
fn drafts_are_for_those_who_will_say_more() {
    let mut bench = Bench::new(20, 8, 100);
    for max_tokens in [1, 2, 9] {
        bench.add(5, max_tokens);
    }
    bench.add_prompt(vec![9; 5], 9, Some(0));
    bench.add(100, 9);
    let plan = bench.scheduler.schedule();
    let most: Vec<_> = bench
        .scheduler
        .draftable(&plan)
        .map(|d| (d.place, d.id.0, d.tokens.len(), d.most))
        .collect();
    assert_eq!(most, [(1, 1, 5, 1), (2, 2, 5, 8)]);
    assert_eq!(bench.scheduler.budget_left(&plan), 0);
}

#[test]
fn limits_leave_a_token_to_everyone() {
    let limits = SchedulerLimits::new(8, 3);
    assert_eq!(
        (limits.max_num_seqs(), limits.max_num_batched_tokens()),
        (3, 3)
    );
    let limits = SchedulerLimits::new(0, 0);
    assert_eq!(
        (limits.max_num_seqs(), limits.max_num_batched_tokens()),
        (1, 1)
    );
}
