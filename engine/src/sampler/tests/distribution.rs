//! The draws follow the distribution that the parameters define.

use super::*;

/// Chi-square of `draws` samples against the expected shares; tokens with share 0 must not come.
fn chi_square(params: &SamplingParams, logits: &[f32], shares: &[f64], draws: u32) -> f64 {
    let mut counts = vec![0_u32; logits.len()];
    let mut sampler = sampler(SamplingParams {
        seed: 2024,
        ..params.clone()
    });
    for index in 0..draws {
        counts[draw(&mut sampler, logits, index) as usize] += 1;
    }
    let mut chi = 0.0;
    for (id, (&count, &share)) in counts.iter().zip(shares).enumerate() {
        let expected = share * f64::from(draws);
        if share == 0.0 {
            assert_eq!(count, 0, "token {id} was dropped and came all the same");
        } else {
            chi += (f64::from(count) - expected).powi(2) / expected;
        }
    }
    chi
}

/// The shares by the definitions, on a sorted list, in double precision.
fn plain_shares(logits: &[f32], params: &SamplingParams) -> Vec<f64> {
    let scaled: Vec<f64> = logits
        .iter()
        .map(|&x| f64::from(x) / f64::from(params.temperature))
        .collect();
    let max = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut weights: Vec<f64> = scaled.iter().map(|x| (x - max).exp()).collect();
    for weight in &mut weights {
        if *weight < f64::from(params.min_p) {
            *weight = 0.0;
        }
    }
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]).then(a.cmp(&b)));
    if params.top_k > 0 {
        order
            .iter()
            .skip(params.top_k as usize)
            .for_each(|&id| weights[id] = 0.0);
    }
    let target = weights.iter().sum::<f64>() * f64::from(params.top_p);
    let mut sum = 0.0;
    for &id in &order {
        let before = sum;
        sum += weights[id];
        if before >= target && params.top_p < 1.0 {
            weights[id] = 0.0;
        }
    }
    let total: f64 = weights.iter().sum();
    weights.iter().map(|w| w / total).collect()
}

#[test]
fn draws_follow_the_distribution_by_definition() {
    let logits: Vec<f32> = (0..40).map(|i| ((i * 17) % 40) as f32 / 8.0).collect();
    let base = SamplingParams::default();
    for params in [
        base.clone(),
        SamplingParams {
            temperature: 0.6,
            ..base.clone()
        },
        SamplingParams {
            temperature: 1.7,
            ..base.clone()
        },
        SamplingParams {
            top_k: 7,
            ..base.clone()
        },
        SamplingParams {
            top_p: 0.8,
            ..base.clone()
        },
        SamplingParams {
            min_p: 0.2,
            ..base.clone()
        },
        SamplingParams {
            temperature: 1.5,
            top_k: 20,
            top_p: 0.9,
            min_p: 0.05,
            ..base.clone()
        },
    ] {
        let shares = plain_shares(&logits, &params);
        let freedom = shares.iter().filter(|&&s| s > 0.0).count() as f64 - 1.0;
        let chi = chi_square(&params, &logits, &shares, 50_000);
        // Wilson and Hilferty's approximation of the quantile of 99.9% (z = 3.09).
        let h = 2.0 / (9.0 * freedom);
        let limit = freedom * (1.0 - h + 3.09 * h.sqrt()).powi(3);
        assert!(chi < limit, "{params:?}: chi-square {chi}, limit {limit}");
    }
}

/// Every token that a truncation keeps, found by trying many draws evenly over [0, 1).
fn kept(logits: &[f32], params: &SamplingParams) -> Vec<u32> {
    let mut row = logits.to_vec();
    let (mut ids, mut scratch) = (Vec::new(), Vec::new());
    let few = params.top_k > 0 && (params.top_k as usize) < row.len();
    let n = if few {
        truncate::keep_top_k(&mut row, params.top_k as usize, &mut ids, &mut scratch)
    } else {
        ids.extend((0_u32..).take(row.len()));
        row.len()
    };
    let weights = &mut row[..n];
    let max = numeric::max(weights);
    numeric::weights(weights, max, params.temperature);
    truncate::min_p(weights, params.min_p);
    if params.top_p < 1.0 {
        truncate::top_p(weights, params.top_p, &mut scratch);
    }
    ids.into_iter()
        .zip(weights.iter())
        .filter(|&(_, &w)| w > 0.0)
        .map(|(id, _)| id)
        .collect()
}

#[test]
fn large_vocabularies_keep_the_tokens_of_the_definition() {
    for vocab in [1_000, 49_152, 151_936] {
        let logits = made_up_logits(vocab, 3);
        // A share of 0.9 of equal weights is a tie of rounding at its edge; odd shares are not.
        for (top_k, top_p, min_p, temperature) in [
            (50, 1.0, 0.0, 1.0),
            (40, 0.95, 0.05, 0.8),
            (0, 0.917, 0.0, 0.7),
            (0, 0.9713, 0.0, 2.0),
            (20_000, 0.713, 0.001, 1.5),
        ] {
            let params = SamplingParams {
                temperature,
                top_k,
                top_p,
                min_p,
                ..SamplingParams::default()
            };
            let shares = plain_shares(&logits, &params);
            let expected: Vec<u32> = (0..vocab).filter(|&id| shares[id as usize] > 0.0).collect();
            let kept = kept(&logits, &params);
            // Many logits are equal here, so the edge may be off by the rounding of a sum only.
            let off = kept.len().abs_diff(expected.len());
            assert!(
                off <= 1 + expected.len() / 100_000,
                "{vocab} {params:?}: {} and {}",
                kept.len(),
                expected.len()
            );
            let common = kept.len().min(expected.len());
            let same = kept
                .iter()
                .filter(|id| expected.binary_search(id).is_ok())
                .count();
            assert!(same >= common - off, "{vocab} {params:?}");
        }
    }
}

#[test]
fn choices_and_positions_draw_independently() {
    let logits = [0.0_f32; 64];
    let answer = |choice| -> Vec<u32> {
        let mut sampler = sampler_for(
            &[0],
            choice,
            SamplingParams {
                seed: 5,
                ..SamplingParams::default()
            },
        );
        (0..32)
            .map(|index| draw(&mut sampler, &logits, index))
            .collect()
    };
    assert_eq!(answer(0), answer(0));
    assert_ne!(answer(0), answer(1));
    assert_ne!(answer(1), answer(2));
}
