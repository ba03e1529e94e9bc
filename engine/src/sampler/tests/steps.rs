//! The steps, one by one, and their order.

use super::*;

#[test]
fn greedy_takes_the_lowest_id_of_the_likeliest() {
    assert_eq!(
        draw(&mut sampler(greedy()), &[1.0, 3.0, f32::NAN, 3.0, 2.0], 0),
        1
    );
}

#[test]
fn bias_comes_before_penalties() {
    // 1 + 3 = 4, halved to 2; were the penalty first, 1 / 2 + 3 = 3.5 would win over 3.
    let params = SamplingParams {
        repetition_penalty: 2.0,
        logit_bias: vec![(0, 3.0)],
        ..greedy()
    };
    assert_eq!(draw(&mut sampler(params), &[1.0, 3.0], 0), 1);
}

#[test]
fn repetition_penalty_sees_prompt_and_answer_the_others_the_answer_only() {
    let logits = [4.0, 3.9, 3.8];
    let repetition = SamplingParams {
        repetition_penalty: 1.2,
        ..greedy()
    };
    let mut repetition = sampler_for(&[0], 0, repetition);
    assert_eq!(draw(&mut repetition, &logits, 0), 1);
    repetition.observe(1);
    assert_eq!(draw(&mut repetition, &logits, 1), 2);

    for params in [
        SamplingParams {
            presence_penalty: 0.5,
            ..greedy()
        },
        SamplingParams {
            frequency_penalty: 0.5,
            ..greedy()
        },
    ] {
        let mut sampler = sampler_for(&[0], 0, params);
        assert_eq!(draw(&mut sampler, &logits, 0), 0);
        sampler.observe(0);
        assert_eq!(draw(&mut sampler, &logits, 1), 1);
    }
}

#[test]
fn repetition_penalty_pushes_negative_logits_down() {
    let params = SamplingParams {
        repetition_penalty: 1.5,
        ..greedy()
    };
    assert_eq!(draw(&mut sampler_for(&[0], 0, params), &[-1.0, -1.2], 0), 1);
}

#[test]
fn frequency_grows_with_each_time_and_presence_does_not() {
    let logits = [1.0, 0.0];
    let mut frequency = sampler(SamplingParams {
        frequency_penalty: 0.4,
        ..greedy()
    });
    let mut presence = sampler(SamplingParams {
        presence_penalty: 0.4,
        ..greedy()
    });
    for _ in 0..3 {
        frequency.observe(0);
        presence.observe(0);
    }
    assert_eq!(draw(&mut frequency, &logits, 3), 1);
    assert_eq!(draw(&mut presence, &logits, 3), 0);
}

#[test]
fn stop_tokens_are_held_back_until_min_tokens() {
    let params = SamplingParams {
        min_tokens: 2,
        stop_token_ids: vec![1],
        ..greedy()
    };
    let mut sampler = sampler(params);
    let logits = [3.0, 2.0, 1.0];
    let mut at = |index| {
        sampler
            .sample(&mut logits.to_vec(), index, &[0])
            .unwrap()
            .id
    };
    assert_eq!([at(0), at(1), at(2)], [2, 2, 0]);
}

#[test]
fn ignored_eos_is_an_ordinary_token_and_stop_ids_are_still_held_back() {
    let params = SamplingParams {
        min_tokens: 2,
        ignore_eos: true,
        stop_token_ids: vec![1],
        ..greedy()
    };
    let mut sampler = sampler(params);
    assert_eq!(sampler.sample(&mut [3.0, 4.0, 1.0], 0, &[0]).unwrap().id, 0);
}

#[test]
fn logprobs_are_those_of_the_raw_logits() {
    let params = SamplingParams {
        logprobs: Some(2),
        logit_bias: vec![(0, -50.0)],
        repetition_penalty: 3.0,
        ..greedy()
    };
    let logits = [2.0, 1.0, 0.0];
    let sampled = sampler(params)
        .sample(&mut logits.to_vec(), 0, &[])
        .unwrap();
    assert_eq!(sampled.id, 1);
    assert_eq!(sampled.logprobs, Some(token_logprobs(&logits, 1, 2)));
    let logprobs = token_logprobs(&logits, 1, 2);
    assert_eq!(
        (logprobs.rank, logprobs.top[0].0, logprobs.top[1].0),
        (2, 0, 1)
    );
    // ln(e / (e^2 + e + 1))
    assert!((logprobs.logprob - -1.407_606).abs() < 1e-6);
}

#[test]
fn logprobs_of_named_tokens_come_in_their_order() {
    let params = SamplingParams {
        logprobs: Some(0),
        logprob_token_ids: vec![2, 0],
        logit_bias: vec![(0, -50.0)],
        ..greedy()
    };
    let logits = [2.0, 1.0, 0.0];
    let sampled = sampler(params)
        .sample(&mut logits.to_vec(), 0, &[])
        .unwrap();
    let told = sampled.logprobs.unwrap();
    let all = token_logprobs(&logits, 1, 3);
    assert_eq!((told.id, told.logprob), (1, all.logprob));
    assert_eq!(told.top, [all.top[2], all.top[0]]);
}

#[test]
fn broken_logits_never_panic() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let rows: [&[f32]; 7] = [
        &[],
        &[nan],
        &[nan; 40],
        &[-inf; 300],
        &[inf, nan, inf],
        &[-inf, 1.0, nan],
        &[inf; 600],
    ];
    for row in rows {
        for temperature in [0.0, 1e-6, 0.7, 2.0] {
            for (top_k, top_p, min_p) in [
                (0, 1.0, 0.0),
                (2, 0.5, 0.1),
                (0, 0.5, 1.0),
                (500, 1e-30, 0.0),
            ] {
                let params = SamplingParams {
                    temperature,
                    top_k,
                    top_p,
                    min_p,
                    logprobs: Some(20),
                    repetition_penalty: 1.3,
                    presence_penalty: 1.0,
                    logit_bias: vec![(0, 5.0), (9999, 5.0)],
                    ..SamplingParams::default()
                };
                let mut sampler = sampler_for(&[0, 70_000], 0, params);
                sampler.observe(1);
                let sampled = sampler.sample(&mut row.to_vec(), 0, &[12_345]).unwrap();
                let possible = row.iter().any(|&x| x > -inf);
                let id = sampled.id as usize;
                assert_eq!(
                    possible,
                    row.get(id).is_some_and(|&x| x > -inf),
                    "{row:?} {id}"
                );
                assert!(
                    sampled
                        .logprobs
                        .is_some_and(|l| l.rank >= 1 && l.logprob <= 0.0)
                );
            }
        }
    }
}

#[test]
fn when_nothing_is_possible_the_answer_ends_if_it_may() {
    let impossible = [f32::NEG_INFINITY; 4];
    let at = |params: SamplingParams, eos: &[u32]| {
        sampler(params)
            .sample(&mut impossible.clone(), 0, eos)
            .unwrap()
            .id
    };
    assert_eq!(at(greedy(), &[2, 3]), 2);
    assert_eq!(at(greedy(), &[]), 0);
    let held = SamplingParams {
        min_tokens: 1,
        stop_token_ids: vec![0, 1],
        ..greedy()
    };
    assert_eq!(at(held, &[2]), 3);
}
