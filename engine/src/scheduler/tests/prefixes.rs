//! Shared prefixes: computed once, favoured, and nobody starves for it.

use super::Bench;
use crate::batch::SequenceId;
use crate::scheduler::MAX_BYPASSES;

/// `shared` tokens that all such prompts begin with, then `own` of its own.
fn prompt(family: u32, shared: u32, own: u32, name: u32) -> Vec<u32> {
    let shared = (0..shared).map(|i| 10_000 * family + i);
    shared
        .chain((0..own).map(|i| 50_000 + 100 * name + i))
        .collect()
}

#[test]
fn a_prefix_is_computed_once_however_many_ask() {
    let mut bench = Bench::new(200, 8, 64);
    for name in 0..8 {
        bench.add_prompt(prompt(1, 160, 10, name), 3, None);
    }
    // The first computes the prefix; the others wait for it.
    assert_eq!(bench.step_shares(), [(0, 64)]);
    assert_eq!(bench.waiting().len(), 7);
    assert_eq!(bench.step_shares(), [(0, 64)]);
    assert_eq!(bench.step_shares(), [(0, 42)]);
    // All blocks of the prefix are there: each computes its own tokens.
    let shares = bench.step_shares();
    assert_eq!(
        shares[..7],
        [(0, 1), (1, 10), (2, 10), (3, 10), (4, 10), (5, 10), (6, 10)]
    );
    while bench.num_unfinished() > 0 {
        bench.step();
    }
    let counters = bench.scheduler.counters();
    assert_eq!(counters.prompt_tokens, 160 + 8 * 10);
    assert_eq!(counters.prefix_hit_tokens, 7 * 160);
}

#[test]
fn a_half_read_prefix_is_waited_for_down_to_the_block() {
    let mut bench = Bench::new(200, 8, 64);
    bench.add_prompt(prompt(1, 200, 0, 0), 3, None);
    assert_eq!(bench.step_shares(), [(0, 64)]);
    // It shares 5 blocks of which 4 are computed, and another that has nothing in common.
    bench.add_prompt(prompt(1, 90, 9, 1), 3, None);
    let stranger = bench.add(6, 3);
    let plan = bench.step().0;
    assert_eq!(plan.sequences.len(), 1, "the budget is used up");
    let plan = bench.step().0;
    let second = plan.sequences.iter().find(|s| s.id == SequenceId(1));
    // 72 tokens of the first are left and take the budget.
    assert!(second.is_none() && plan.num_tokens() == 64, "{plan:?}");
    let plan = bench.step().0;
    let starts: Vec<_> = plan.sequences.iter().map(|s| (s.id, s.start)).collect();
    assert_eq!(
        starts,
        [(SequenceId(0), 192), (SequenceId(1), 80), (stranger, 0)]
    );
}

#[test]
fn nobody_waits_for_one_that_went_away() {
    let mut bench = Bench::new(200, 8, 32);
    let first = bench.add_prompt(prompt(1, 96, 4, 0), 3, None);
    bench.add_prompt(prompt(1, 96, 4, 1), 3, None);
    assert_eq!(bench.step_shares(), [(0, 32)]);
    bench.scheduler.abort(first);
    let plan = bench.step().0;
    let share = &plan.sequences[0];
    assert_eq!(
        (share.id, share.start, share.tokens.len()),
        (SequenceId(1), 32, 32)
    );
}

#[test]
fn a_cached_prefix_goes_first_but_passes_nobody_for_ever() {
    let mut bench = Bench::new(200, 1, 64);
    bench.add_prompt(prompt(1, 48, 2, 0), 1, None);
    bench.step();
    // Now the prefix is cached. One without it waits, and then many with it.
    let patient = bench.add(20, 1);
    let many = MAX_BYPASSES + 3;
    for name in 1..=many {
        bench.add_prompt(prompt(1, 48, 2, name), 1, None);
    }
    let order: Vec<_> = (0..=many).map(|_| bench.step_shares()[0].0).collect();
    let passed = order.iter().position(|&id| id == patient.0);
    assert_eq!(passed, Some(MAX_BYPASSES as usize), "{order:?}");
    assert_eq!(bench.scheduler.counters().bypasses, u64::from(MAX_BYPASSES));
    assert!(order[MAX_BYPASSES as usize + 1..].is_sorted(), "{order:?}");
}

#[test]
fn nobody_passes_a_preempted_one() {
    let mut bench = Bench::new(8, 4, 100);
    bench.add_prompt(prompt(1, 32, 8, 0), 60, None);
    bench.add(40, 60);
    while bench.scheduler.counters().preemptions == 0 {
        bench.step();
    }
    // There is room for this one, but not for the one that gave way.
    bench.add_prompt(prompt(1, 32, 1, 3), 9, None);
    bench.step();
    assert_eq!(bench.waiting(), [1, 2], "a cached prefix is no reason");
    bench.scheduler.abort(SequenceId(1));
    assert_eq!(bench.step_shares(), [(0, 1), (2, 1)]);
}
