//! A generation goes on in another engine: after any of its tokens, nobody can tell.

use std::sync::Arc;

use crate::core::tests::{Bench, LIMITS};
use crate::event::{FinishReason, TokenEvent};
use crate::request::{GenerateRequest, InvalidRequest, SamplingParams};
use crate::scheduler::SchedulerLimits;
use crate::speculation::Speculator;
use crate::testing::{FakeModel, FakeToken};

const MOST: u32 = 64;

/// Each differs from the others in something that later tokens depend on.
fn wishes() -> Vec<SamplingParams> {
    let plain = SamplingParams {
        max_tokens: MOST,
        logprobs: Some(3),
        seed: 7,
        ignore_eos: true,
        ..SamplingParams::default()
    };
    vec![
        SamplingParams {
            temperature: 0.0,
            ..plain.clone()
        },
        plain.clone(),
        SamplingParams {
            top_k: 5,
            top_p: 0.9,
            min_p: 0.01,
            ..plain.clone()
        },
        SamplingParams {
            repetition_penalty: 1.3,
            presence_penalty: 0.4,
            frequency_penalty: 0.7,
            ..plain.clone()
        },
        SamplingParams {
            ignore_eos: false,
            min_tokens: 30,
            stop_token_ids: vec![3, 4, 5, 6, 7],
            ..plain.clone()
        },
        SamplingParams {
            prompt_logprobs: Some(2),
            ..plain.clone()
        },
    ]
}

fn request(choice: u32, params: &SamplingParams) -> GenerateRequest {
    let prompt: Vec<u32> = (1..38).collect();
    let proved = GenerateRequest::new(prompt.into(), choice, Arc::new(params.clone()), &LIMITS);
    proved.expect("the test's request is valid")
}

fn bench(guesses: bool) -> Bench {
    let model = FakeModel::new(LIMITS, 400).answering(|tokens| match tokens.len() % 5 {
        0 => FakeToken::Certain(11),
        _ => FakeToken::Recent(3),
    });
    let bench = Bench::new(model, SchedulerLimits::new(16, 48), true);
    match guesses {
        true => bench.speculating(Speculator::by_lookup(3, (1, 3))),
        false => bench,
    }
}

/// All that one generation says, and its tokens.
fn undisturbed(request: &GenerateRequest) -> (Vec<TokenEvent>, Vec<u32>, u32) {
    let mut bench = bench(false);
    // So that some of the prompt is cached.
    let warm = bench.submit(self::request(9, &wishes()[0]));
    bench.run_to_end();
    assert!(!warm.is_empty());
    let reader = bench.submit(request.clone());
    bench.run_to_end();
    let events: Vec<_> = reader.drain().collect();
    let mut tokens = Vec::new();
    let mut cached = 0;
    for event in &events {
        if let TokenEvent::Token {
            id, cached_tokens, ..
        } = event
        {
            tokens.push(*id);
            cached = *cached_tokens;
        }
    }
    (events, tokens, cached)
}

/// What was said behind the first `count` tokens.
fn behind(events: &[TokenEvent], count: usize) -> Vec<TokenEvent> {
    let told = |event: &&TokenEvent| !matches!(event, TokenEvent::Prompt(_));
    events.iter().filter(told).skip(count).cloned().collect()
}

#[test]
fn after_any_of_its_tokens_the_rest_is_the_same() {
    for (case, params) in wishes().iter().enumerate() {
        let choice = u32::try_from(case % 2).unwrap();
        let request = request(choice, params);
        let (events, tokens, cached) = undisturbed(&request);
        assert!(
            cached > 0 || params.prompt_logprobs.is_some(),
            "case {case}"
        );
        assert!(tokens.len() > 8, "case {case}: {tokens:?}");
        for guesses in [false, true] {
            let mut bench = bench(guesses);
            // All at once: they share steps and prefixes with each other.
            let readers: Vec<_> = (1..=tokens.len())
                .map(|count| {
                    let said = tokens[..count].into();
                    let resumed = request.clone().resuming(said, cached, &LIMITS);
                    bench.submit(resumed.expect("it said so"))
                })
                .collect();
            bench.run_to_end();
            for (reader, count) in readers.iter().zip(1..) {
                let found: Vec<_> = reader.drain().collect();
                assert!(
                    found == behind(&events, count),
                    "case {case} after {count}: {found:?}, but it went on {:?}",
                    behind(&events, count)
                );
            }
            let stats = bench.stats();
            assert_eq!((stats.held_requests, stats.blocks.used), (0, 0));
        }
    }
}

#[test]
fn a_resumed_generation_that_is_preempted_goes_on_as_well() {
    let params = &wishes()[1];
    let request = request(0, params);
    let (events, tokens, cached) = undisturbed(&request);
    // Blocks for two such sequences to their end, and not for four.
    let model = FakeModel::new(LIMITS, 16).answering(|tokens| match tokens.len() % 5 {
        0 => FakeToken::Certain(11),
        _ => FakeToken::Recent(3),
    });
    let mut bench = Bench::new(model, SchedulerLimits::new(4, 48), false);
    let counts = [5, 17, 29, 41];
    let readers = counts.map(|count| {
        let resumed = request
            .clone()
            .resuming(tokens[..count].into(), cached, &LIMITS);
        bench.submit(resumed.expect("it said so"))
    });
    bench.run_to_end();
    assert!(bench.stats().counters.preemptions > 0);
    for (reader, count) in readers.iter().zip(counts) {
        let found: Vec<_> = reader.drain().collect();
        assert_eq!(found, behind(&events, count), "after {count}");
    }
}

#[test]
fn what_had_ended_ends_at_once() {
    let params = &wishes()[0];
    let request = request(0, params);
    let (_, tokens, _) = undisturbed(&request);
    let mut bench = bench(false);
    let whole = request.resuming(tokens.into(), 16, &LIMITS).unwrap();
    let reader = bench.submit(whole);
    bench.step();
    let end = reader.drain().collect::<Vec<_>>();
    let [TokenEvent::Done { reason, usage }] = end.as_slice() else {
        panic!("{end:?}");
    };
    assert_eq!(*reason, FinishReason::Length);
    let counted = (
        usage.prompt_tokens,
        usage.cached_tokens,
        usage.completion_tokens,
    );
    assert_eq!(counted, (37, 16, MOST));
    assert_eq!(bench.stats().counters.steps, 0, "nothing was computed");
}

#[test]
fn what_cannot_be_the_beginning_is_refused() {
    let request = request(0, &wishes()[0]);
    let refused = |said: Vec<u32>| {
        request
            .clone()
            .resuming(said.into(), 0, &LIMITS)
            .unwrap_err()
    };
    assert!(matches!(
        refused(vec![1, 64]),
        InvalidRequest::UnknownToken { id: 64, .. }
    ));
    assert_eq!(
        refused(vec![1; 65]).to_string(),
        "said must be at most max_tokens, 64, tokens, but is 65"
    );
    let none = request.clone().resuming(Arc::default(), 5, &LIMITS);
    assert!(none.unwrap().said_cached().is_none());
}
