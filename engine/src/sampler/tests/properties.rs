//! What holds for all parameters and all logits.

#![expect(
    clippy::float_cmp,
    reason = "equal inputs give equal outputs, to the bit"
)]

use proptest::prelude::*;

use super::*;

fn any_params() -> impl Strategy<Value = SamplingParams> {
    let numbers = (0.05_f32..2.0, 0_u32..60, 0.01_f32..=1.0, 0.0_f32..0.5);
    let penalties = (0.8_f32..1.5, -1.0_f32..1.0, -1.0_f32..1.0, any::<u64>());
    (numbers, penalties).prop_map(
        |((temperature, top_k, top_p, min_p), (repetition, presence, frequency, seed))| {
            SamplingParams {
                temperature,
                top_k,
                top_p,
                min_p,
                repetition_penalty: repetition,
                presence_penalty: presence,
                frequency_penalty: frequency,
                seed,
                logprobs: Some(5),
                max_tokens: 64,
                ..SamplingParams::default()
            }
        },
    )
}

fn any_logits() -> impl Strategy<Value = Vec<f32>> {
    // Coarse values, so that ties are common.
    prop::collection::vec((-160_i32..160).prop_map(|n| n as f32 / 8.0), 1..600)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_narrowest_truncations_are_greedy(params in any_params(), logits in any_logits(), index in 0_u32..1000) {
        let params = SamplingParams { repetition_penalty: 1.0, ..params };
        let likeliest = argmax(&logits).and_then(|id| u32::try_from(id).ok()).unwrap();
        for narrow in [
            SamplingParams { top_k: 1, ..params.clone() },
            SamplingParams { top_p: 1e-9, ..params.clone() },
            SamplingParams { temperature: 0.0, ..params.clone() },
        ] {
            prop_assert_eq!(draw(&mut sampler(narrow), &logits, index), likeliest);
        }
    }

    #[test]
    fn truncations_keep_a_token_at_least_as_likely_as_any_they_drop(params in any_params(), logits in any_logits(), index in 0_u32..1000) {
        let params = SamplingParams { repetition_penalty: 1.0, ..params };
        let id = draw(&mut sampler(params.clone()), &logits, index);
        let better = logits.iter().filter(|&&x| x > logits[id as usize]).count();
        if params.top_k > 0 {
            prop_assert!(better < params.top_k as usize);
        }
        let max = numeric::max(&logits);
        let weight = ((f64::from(logits[id as usize]) - f64::from(max)) / f64::from(params.temperature)).exp();
        prop_assert!(weight >= f64::from(params.min_p) * 0.999_999);
    }

    #[test]
    fn a_token_with_bias_minus_100_never_comes(params in any_params(), logits in any_logits(), banned in 0_usize..600, index in 0_u32..1000) {
        prop_assume!(logits.len() > 1);
        let banned = banned % logits.len();
        let bias = (u32::try_from(banned).unwrap(), -100.0);
        let id = draw(&mut sampler(SamplingParams { logit_bias: vec![bias], ..params }), &logits, index);
        prop_assert_ne!(id as usize, banned);
    }

    #[test]
    fn replaying_the_tokens_gives_the_same_state(params in any_params(), logits in any_logits(), answer in prop::collection::vec(0_u32..600, 0..40)) {
        let prompt = [5, 6, 7, 5];
        let mut lived = sampler_for(&prompt, 1, params.clone());
        for (&token, index) in answer.iter().zip(0..) {
            draw(&mut lived, &logits, index);
            lived.observe(token);
        }
        let mut replayed = sampler_for(&prompt, 1, params);
        answer.iter().for_each(|&token| replayed.observe(token));
        let index = u32::try_from(answer.len()).unwrap();
        let sample = |s: &mut Sampler| s.sample(&mut logits.clone(), index, &[]).unwrap();
        prop_assert_eq!(sample(&mut lived), sample(&mut replayed));
    }

    #[test]
    fn logprobs_are_sorted_and_sum_to_one(logits in any_logits(), top in 0_u32..=20, id in 0_u32..600) {
        let id = id % u32::try_from(logits.len()).unwrap();
        let all = token_logprobs(&logits, id, u32::MAX);
        prop_assert_eq!(all.top.len(), logits.len());
        let sum: f64 = all.top.iter().map(|&(_, l)| f64::from(l).exp()).sum();
        prop_assert!((sum - 1.0).abs() < 1e-5, "{}", sum);
        prop_assert!(all.top.windows(2).all(|w| w[0].1 > w[1].1 || (w[0].1 == w[1].1 && w[0].0 < w[1].0)));
        let place = all.top.iter().position(|&(other, _)| other == id).unwrap();
        prop_assert_eq!(all.rank as usize, place + 1);
        prop_assert_eq!(all.top[place].1, all.logprob);
        let few = token_logprobs(&logits, id, top);
        prop_assert_eq!(&few.top[..], &all.top[..(top as usize).min(logits.len())]);
        prop_assert_eq!(few.logprob, all.logprob);
    }

    #[test]
    fn renaming_the_tokens_renames_the_kept(logits in any_logits(), k in 1_usize..40, turn in 0_usize..600) {
        let turn = turn % logits.len();
        let mut turned = logits.clone();
        turned.rotate_left(turn);
        let values = |row: &[f32]| {
            let mut best = Vec::new();
            truncate::top_k(row, k, &mut best);
            let mut values: Vec<f32> = best.iter().map(|c| c.value).collect();
            values.sort_by(f32::total_cmp);
            values
        };
        prop_assert_eq!(values(&logits), values(&turned));
        let mut sorted = logits.clone();
        sorted.sort_by(f32::total_cmp);
        prop_assert_eq!(&values(&logits)[..], &sorted[sorted.len().saturating_sub(k)..]);
    }
}
