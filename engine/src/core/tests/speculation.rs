//! Guessing ahead changes how many steps there are, and nothing that is said.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::core::tests::{Bench, EOS, LIMITS};
use crate::core::{Clock, EngineStats};
use crate::event::{FinishReason, TokenEvent, Usage};
use crate::request::{GenerateRequest, SamplingParams};
use crate::scheduler::SchedulerLimits;
use crate::speculation::Speculator;
use crate::testing::{FakeModel, FakeToken};

/// Guesses of up to four tokens, by matches of one to three.
fn ngram() -> Speculator {
    Speculator::by_lookup(4, (1, 3))
}

/// A model that repeats itself.
fn model() -> FakeModel {
    FakeModel::new(LIMITS, 64).answering(|_| FakeToken::Recent(1))
}

fn bench(model: FakeModel, guesses: bool) -> Bench {
    let bench = Bench::new(model, SchedulerLimits::new(4, 64), true);
    if guesses {
        bench.speculating(ngram())
    } else {
        bench
    }
}

fn request(prompt: &[u32], params: SamplingParams) -> GenerateRequest {
    let request = GenerateRequest::new(prompt.into(), 0, Arc::new(params), &LIMITS);
    request.expect("the test's request is valid")
}

fn greedy(max_tokens: u32) -> SamplingParams {
    SamplingParams {
        temperature: 0.0,
        ignore_eos: true,
        max_tokens,
        ..SamplingParams::default()
    }
}

/// What a request says by itself, and how the engine was then.
fn run(
    model: FakeModel,
    guesses: bool,
    request: &GenerateRequest,
) -> (Vec<TokenEvent>, EngineStats) {
    let mut bench = bench(model, guesses);
    let events = bench.submit(request.clone());
    bench.run_to_end();
    (events.drain().collect(), bench.stats())
}

#[test]
fn the_same_events_in_fewer_steps() {
    let base = greedy(100);
    let sampled = SamplingParams {
        temperature: 0.3,
        seed: 7,
        ..base.clone()
    };
    let all = [
        base.clone(),
        sampled.clone(),
        SamplingParams {
            top_k: 3,
            top_p: 0.9,
            min_p: 0.01,
            logprobs: Some(3),
            ..sampled.clone()
        },
        SamplingParams {
            logit_bias: vec![(3, 5.0), (9, -100.0)],
            logprobs: Some(0),
            prompt_logprobs: Some(2),
            ..base.clone()
        },
        SamplingParams {
            repetition_penalty: 1.05,
            frequency_penalty: 0.05,
            presence_penalty: -0.1,
            ..sampled.clone()
        },
        SamplingParams {
            stop_token_ids: (0..64).step_by(2).collect(),
            min_tokens: 90,
            ..base
        },
    ];
    for params in all {
        let request = request(&[1, 2, 3], params);
        let (plain, before) = run(model(), false, &request);
        let (guessed, after) = run(model(), true, &request);
        assert_eq!(plain, guessed, "{:?}", request.params());
        let (before, after) = (before.counters, after.counters);
        assert!(after.steps < before.steps, "{before:?} {after:?}");
        assert_eq!(after.generated_tokens, before.generated_tokens);
        assert_eq!(
            after.steps + after.accepted_tokens,
            before.steps,
            "a step is saved by each right guess"
        );
        assert!(after.accepted_tokens <= after.draft_tokens);
    }
}

#[test]
fn a_stop_token_among_right_guesses_is_the_end() {
    // The script was read before, so everything that comes is guessed, and beyond its end as well.
    let script = [11, 12, 13, 14, EOS, 21, 22, 23];
    let prompt = [&script[..], &[1]].concat();
    let mut steps = 0;
    let drafts = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&drafts);
    let scripted = FakeModel::new(LIMITS, 64)
        .scripted(vec![11, 12, 13, 14], EOS)
        .on_step(move |plan| {
            let drafts = plan.sequences[0].drafts();
            let behind_the_end = drafts.starts_with(&[EOS, 21]);
            seen.fetch_add(u64::from(behind_the_end), Ordering::Relaxed);
            steps += 1;
            assert!(steps < 5, "guesses save steps");
            Ok(())
        });
    let params = SamplingParams {
        ignore_eos: false,
        ..greedy(50)
    };
    let (events, stats) = run(scripted, true, &request(&prompt, params));
    let ids: Vec<_> = events.iter().filter_map(token).collect();
    assert_eq!(ids, [11, 12, 13, 14, EOS]);
    assert_eq!(drafts.load(Ordering::Relaxed), 1, "it was guessed further");
    let usage = Usage {
        prompt_tokens: 9,
        cached_tokens: 0,
        completion_tokens: 5,
    };
    let reason = FinishReason::StopToken(EOS);
    assert_eq!(events.last(), Some(&TokenEvent::Done { reason, usage }));
    assert_eq!(stats.blocks.used, 0);
}

fn token(event: &TokenEvent) -> Option<u32> {
    match event {
        TokenEvent::Token { id, .. } => Some(*id),
        TokenEvent::Prompt(_) | TokenEvent::Done { .. } | TokenEvent::Failed(_) => None,
    }
}

#[test]
fn nothing_is_guessed_beyond_the_length() {
    for max_tokens in 0..12 {
        let request = request(&[5; 20], greedy(max_tokens));
        let most = u64::from(max_tokens) + 19;
        let model = model().on_step(move |plan| {
            let share = &plan.sequences[0];
            let end = share.start + share.tokens.len();
            assert!(end as u64 <= most, "{share:?} computes what cannot be said");
            Ok(())
        });
        let (events, stats) = run(model, true, &request);
        assert_eq!(events.len(), max_tokens as usize + 1, "{events:?}");
        assert_eq!(stats.counters.generated_tokens, u64::from(max_tokens));
    }
}

#[test]
fn guesses_that_are_wrong_become_rare() {
    // It says what never followed: each token is 1 more than what followed it the last time.
    let contrary = FakeModel::new(LIMITS, 64).answering(|tokens| {
        let (last, before) = tokens.split_last().expect("there is a prompt");
        let place = before.iter().rposition(|token| token == last);
        let followed = place.map_or(0, |place| tokens[place + 1]);
        FakeToken::Certain((followed + 1) % 64)
    });
    let lookup = Speculator::by_lookup(4, (1, 1));
    let mut bench = bench(contrary, false).speculating(lookup);
    let events = bench.submit(request(&[1, 2, 3], greedy(800)));
    bench.run_to_end();
    assert_eq!(events.len(), 801);
    let counters = bench.stats().counters;
    assert_eq!(counters.accepted_tokens, 0);
    assert!((5..40).contains(&counters.draft_tokens), "{counters:?}");
}

#[test]
fn rows_that_cost_much_are_probed_only() {
    let now = Arc::new(AtomicU64::new(0));
    let at = Arc::clone(&now);
    let model = model().on_step(move |plan| {
        at.fetch_add(10 * plan.num_tokens() as u64, Ordering::Relaxed);
        Ok(())
    });
    let clock = Clock::new(move || Duration::from_millis(now.load(Ordering::Relaxed)));
    let limits = SchedulerLimits::new(4, 64);
    let mut bench = Bench::with_clock(model, limits, true, clock).speculating(ngram());
    let events = bench.submit(request(&[1, 2, 3], greedy(400)));
    bench.run_to_end();
    assert_eq!(events.len(), 401);
    let counters = bench.stats().counters;
    let probes = counters.draft_tokens;
    assert!((10..100).contains(&probes), "{counters:?}");
}

#[test]
fn drafts_take_what_everyone_leaves() {
    // Four sequences in steps of six tokens: two are left.
    let limits = SchedulerLimits::new(4, 6);
    let model = model().on_step(|plan| {
        assert!(plan.num_tokens() <= 6, "E4");
        Ok(())
    });
    let mut bench = Bench::new(model, limits, true).speculating(ngram());
    let streams: Vec<_> = (0..4)
        .map(|i| bench.submit(request(&[i, 5], greedy(60))))
        .collect();
    bench.run_to_end();
    for (i, stream) in (0..).zip(&streams) {
        let (alone, _) = run(self::model(), false, &request(&[i, 5], greedy(60)));
        let said: Vec<_> = stream.drain().filter_map(|e| token(&e)).collect();
        assert_eq!(said, alone.iter().filter_map(token).collect::<Vec<_>>());
    }
    assert!(bench.stats().counters.accepted_tokens > 0);
}
