//! What a user of the sampler relies on: the steps and their order, the distribution of the draws,
//! and draws that never change.

mod distribution;
mod properties;
mod steps;

use std::sync::Arc;

use super::*;
use crate::request::{GenerateRequest, ModelLimits, SamplingParams};

fn sampler_for(prompt: &[u32], choice: u32, params: SamplingParams) -> Sampler {
    let limits = ModelLimits {
        vocab_size: 1 << 20,
        max_model_len: 1 << 20,
    };
    let request = GenerateRequest::new(prompt.into(), choice, Arc::new(params), &limits);
    Sampler::new(&request.expect("the test's request is valid"))
}

fn sampler(params: SamplingParams) -> Sampler {
    sampler_for(&[0], 0, params)
}

/// The token of one draw, from a copy of the logits.
fn draw(sampler: &mut Sampler, logits: &[f32], index: u32) -> u32 {
    sampler.sample(&mut logits.to_vec(), index, &[]).unwrap().id
}

fn greedy() -> SamplingParams {
    SamplingParams {
        temperature: 0.0,
        max_tokens: 100,
        ..SamplingParams::default()
    }
}

/// Logits that are exact on every machine: small multiples of 1/64, peaked like a model's.
fn made_up_logits(vocab: u32, salt: u32) -> Vec<f32> {
    let hash = |i: u32| (i ^ salt.wrapping_mul(0x9E37_79B9)).wrapping_mul(0x85EB_CA6B) >> 8;
    let one = |i: u32| (hash(i) % 512) as f32 / 64.0 + if hash(i) % 97 == 0 { 6.0 } else { 0.0 };
    (0..vocab).map(one).collect()
}

/// Seeded answers are a promise to users. These tokens were drawn once; when this test fails, the
/// change that made it fail changes answers and must not be merged.
#[test]
fn seeded_draws_never_change() {
    let base = SamplingParams {
        seed: 0x5eed,
        ..SamplingParams::default()
    };
    let mut failures = Vec::new();
    let golden: [(&str, SamplingParams, [u32; 12]); 5] = [
        (
            "plain",
            base.clone(),
            [
                7551, 10469, 15373, 43823, 35954, 35453, 33116, 30295, 12769, 2628, 8481, 18562,
            ],
        ),
        (
            "hot",
            SamplingParams {
                temperature: 1.9,
                ..base.clone()
            },
            [
                7979, 11300, 15131, 43823, 35954, 34796, 33584, 31069, 13489, 3984, 7768, 19744,
            ],
        ),
        (
            "top_p",
            SamplingParams {
                temperature: 0.7,
                top_p: 0.9,
                ..base.clone()
            },
            [
                8629, 10469, 15373, 45811, 35874, 35453, 33116, 30151, 13873, 2580, 8481, 18562,
            ],
        ),
        (
            "top_k",
            SamplingParams {
                top_k: 40,
                min_p: 0.05,
                ..base.clone()
            },
            [
                8629, 12834, 15373, 45811, 35874, 33570, 33132, 30151, 15104, 2580, 8481, 14819,
            ],
        ),
        (
            "penalties",
            SamplingParams {
                top_k: 100,
                top_p: 0.95,
                repetition_penalty: 1.1,
                frequency_penalty: 0.3,
                logit_bias: vec![(17, 2.5)],
                seed: u64::MAX - 1,
                ..base
            },
            [
                15289, 44169, 20254, 17270, 1948, 35373, 27329, 26659, 13873, 48990, 30447, 27439,
            ],
        ),
    ];
    for (name, params, expected) in golden {
        let mut sampler = sampler_for(&[3, 1, 4, 1, 5], 2, params);
        let answer: Vec<u32> = (0..12)
            .map(|index| {
                let token = draw(&mut sampler, &made_up_logits(49_152, index), index);
                sampler.observe(token);
                token
            })
            .collect();
        if answer != expected {
            failures.push(format!("{name}: {answer:?}"));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
