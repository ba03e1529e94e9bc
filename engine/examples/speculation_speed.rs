//! Measures what guessing ahead brings on this machine: the same requests with and without it, in
//! turns.
//!
//! `cargo run --release -p engine --example speculation_speed -- MODEL [DRAFT_MODEL or -] [TEXT...]`
//! measures with all texts, or with those of these names.

#![expect(clippy::print_stdout, reason = "it prints its measurements")]
#![expect(clippy::disallowed_types, reason = "it measures real time")]

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use engine::tokenizer::EncodeOptions;
use engine::{
    EngineConfig, GenerateRequest, OpenModel, SamplingParams, Speculation, SpeculationMethod,
    TokenEvent, open,
};

/// Turns of which the median counts.
const TURNS: usize = 5;
const MAX_TOKENS: u32 = 128;

const LIST: &str = "apples, pears, plums, cherries, apricots, figs, dates, grapes, melons, lemons";

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let path = PathBuf::from(
        args.next()
            .ok_or("usage: speculation_speed MODEL [DRAFT or -] [TEXT...]")?,
    );
    let mut engines = vec![("none".to_owned(), start(&path, None)?)];
    for (min, max) in [(1, 4), (2, 4), (3, 5)] {
        let method = SpeculationMethod::Ngram {
            prompt_lookup_min: min,
            prompt_lookup_max: max,
        };
        engines.push((format!("ngram {min}-{max}"), start(&path, Some(method))?));
    }
    if let Some(draft) = args.next().filter(|draft| draft != "-") {
        let model = PathBuf::from(draft);
        let method = SpeculationMethod::Draft { model };
        engines.push(("draft".to_owned(), start(&path, Some(method))?));
    }
    let prose = include_str!("../tests/golden/prose.txt");
    let passage: String = prose.chars().take(1500).collect();
    let chat = |text: &str| format!("<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n");
    let texts = [
        (
            "a list again",
            format!("The list is: {LIST}.\nOnce more, the list is: {LIST}.\nOnce"),
        ),
        (
            "a passage again",
            chat(&format!("Repeat this text word for word.\n\n{passage}")),
        ),
        (
            "a summary",
            chat(&format!("Summarise this text.\n\n{passage}")),
        ),
        (
            "an essay",
            chat("Write an essay about rivers and the people who live near them."),
        ),
        (
            "code",
            chat("Write a Python class for a bank account with tests for each method."),
        ),
    ];
    let wanted: Vec<String> = args.collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    for temperature in [0.0, 0.7] {
        for (name, text) in texts.iter().filter(|(name, _)| is_wanted(name)) {
            for streams in [1, 8] {
                println!("{name}, temperature {temperature}, {streams} at a time");
                measure(&engines, text, temperature, streams)?;
            }
        }
    }
    Ok(())
}

fn start(path: &Path, method: Option<SpeculationMethod>) -> Result<OpenModel, Box<dyn Error>> {
    let speculation = method.map(|method| Speculation {
        num_speculative_tokens: 6,
        method,
    });
    let config = EngineConfig {
        kv_cache_bytes: 256 << 20,
        max_model_len: Some(2048),
        speculation,
        ..EngineConfig::default()
    };
    Ok(open(path, &config)?)
}

/// Prints each engine's median of tokens a second, and how its guesses fared.
fn measure(
    engines: &[(String, OpenModel)],
    text: &str,
    temperature: f32,
    streams: u64,
) -> Result<(), Box<dyn Error>> {
    let mut speeds = vec![Vec::new(); engines.len()];
    let before: Vec<_> = engines
        .iter()
        .map(|(_, m)| m.engine.stats().counters)
        .collect();
    for turn in 0..TURNS {
        for ((_, model), speeds) in engines.iter().zip(&mut speeds) {
            let seeds = (0..streams).map(|stream| stream + 100 * turn as u64);
            speeds.push(run(model, text, temperature, seeds)?);
        }
    }
    for (((name, model), before), mut speeds) in engines.iter().zip(before).zip(speeds) {
        speeds.sort_by(f64::total_cmp);
        let after = model.engine.stats().counters;
        println!(
            "  {name:10} {:8.1} tokens/s; {:5} guessed, {:5} of them right, in {:5} steps",
            speeds[speeds.len() / 2],
            after.draft_tokens - before.draft_tokens,
            after.accepted_tokens - before.accepted_tokens,
            after.steps - before.steps,
        );
    }
    Ok(())
}

/// Tokens a second of one request for each seed, all at once, from the first token on.
fn run(
    model: &OpenModel,
    text: &str,
    temperature: f32,
    seeds: impl Iterator<Item = u64>,
) -> Result<f64, Box<dyn Error>> {
    let prompt = model.tokenizer.encode(text, EncodeOptions::PROMPT)?;
    let mut streams = Vec::new();
    for seed in seeds {
        let params = SamplingParams {
            temperature,
            seed,
            max_tokens: MAX_TOKENS,
            ignore_eos: true,
            ..SamplingParams::default()
        };
        let limits = model.engine.limits();
        let request = GenerateRequest::new(prompt.clone().into(), 0, Arc::new(params), &limits)?;
        streams.push(model.engine.submit(request)?);
    }
    let (mut tokens, mut start) = (0_u32, None);
    for stream in &mut streams {
        while let Some(event) = stream.recv() {
            start.get_or_insert_with(Instant::now);
            tokens += u32::from(matches!(event, TokenEvent::Token { .. }));
        }
    }
    let start = start.ok_or("nothing was said")?;
    Ok(f64::from(tokens) / start.elapsed().as_secs_f64())
}
