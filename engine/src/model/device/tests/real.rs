//! SmolLM2 on candle's CPU device: its greedy tokens are the reference's and our own runner's.

use serde_json::Value;

use super::{assert_costs_8_bits, config, share, step};
use crate::batch::LogitRows;
use crate::config::{Activations, EngineConfig};
use crate::model::load::load_on;
use crate::model::{ModelFiles, load};

#[path = "../../../../tests/support/mod.rs"]
mod support;

/// A chat, a story and a fact.
const PROMPTS: [&str; 3] = ["capital", "story-start", "encyclopaedia"];
/// Tokens of each answer. They are read at once, as guesses are: a row's bits do not depend on that.
const TOKENS: usize = 12;
/// Where the reference's two best logits are closer, 8 bits of activations may choose the other one:
/// at 9 of the 36 tokens.
const MARGIN: f64 = 0.5;

/// A prompt and its greedy answer by `transformers` in f32, with its margins.
struct Golden {
    name: &'static str,
    prompt: Vec<u32>,
    answer: Vec<u32>,
    margins: Vec<f64>,
}

impl Golden {
    fn read() -> Vec<Self> {
        let text = include_str!("../../../../tests/golden/accuracy.json");
        let file: Value = serde_json::from_str(text).unwrap();
        let of = |name| {
            let prompts = file["prompts"].as_array().unwrap();
            let prompt = prompts
                .iter()
                .find(|prompt| prompt["name"] == name)
                .unwrap();
            let ids = |key: &str| serde_json::from_value::<Vec<u32>>(prompt[key].clone()).unwrap();
            Self {
                name,
                prompt: ids("ids"),
                answer: ids("tokens")[..TOKENS].to_vec(),
                margins: serde_json::from_value(prompt["margins"].clone()).unwrap(),
            }
        };
        PROMPTS.map(of).into()
    }
}

fn argmax(row: &[f32]) -> u32 {
    let better = |best: usize, at: usize| if row[at] > row[best] { at } else { best };
    u32::try_from((0..row.len()).reduce(better).unwrap()).unwrap()
}

#[test]
fn greedy_tokens_are_those_of_the_reference_and_of_our_runner() {
    let golden = Golden::read();
    let plan = || {
        let shares = (0..).zip(&golden).map(|(id, golden)| {
            let tokens = [&golden.prompt, &golden.answer[..TOKENS - 1]].concat();
            share(id, &tokens, 0, LogitRows::Tail(TOKENS))
        });
        shares.collect::<Vec<_>>()
    };
    let files = ModelFiles::find(&support::model_path()).unwrap();
    let config = |activations| EngineConfig {
        activations,
        kv_cache_bytes: 64 << 20,
        ..config()
    };
    let device = candle_core::Device::Cpu;
    let mut model = load_on(&files, &config(Activations::Int16), device).unwrap();
    let found = step(&mut model, plan());
    let ours = |activations| {
        let mut model = load(&files, &config(activations)).unwrap().runner;
        step(&mut *model, plan())
    };
    let [int8, int16] = [Activations::Int8, Activations::Int16].map(ours);
    assert_costs_8_bits("SmolLM2", &found, &int8, &int16);

    let answers = found.chunks(TOKENS).zip(int16.chunks(TOKENS));
    for (golden, (found, ours)) in golden.iter().zip(answers) {
        for (at, &expected) in golden.answer.iter().enumerate() {
            let close = golden.margins[at] < MARGIN;
            let name = golden.name;
            assert!(close || argmax(&found[at]) == expected, "{name}: {at}");
            assert!(close || argmax(&ours[at]) == expected, "{name}: {at}, ours");
        }
    }
}
