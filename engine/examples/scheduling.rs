//! Measures what the scheduler takes of an engine's time with 64 answers at once.
//!
//! `cargo run --release -p engine --example scheduling -- MODEL`

#![expect(clippy::print_stdout, reason = "it prints its measurements")]

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use engine::{EngineConfig, GenerateRequest, SamplingParams, TokenEvent, open};

/// Answers at once.
const STREAMS: u32 = 64;
/// Tokens of each prompt, half of them the same for all.
const PROMPT: u32 = 256;
/// Tokens of each answer.
const ANSWER: u32 = 32;

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("usage: scheduling MODEL")?;
    let engine = open(&PathBuf::from(path), &EngineConfig::default())?.engine;
    let params = SamplingParams {
        max_tokens: ANSWER,
        ignore_eos: true,
        ..SamplingParams::default()
    };
    let params = Arc::new(params);
    let mut streams = Vec::new();
    for stream in 0..STREAMS {
        let own = |i: u32| if i < PROMPT / 2 { i } else { i + stream };
        let prompt: Arc<[u32]> = (0..PROMPT).map(|i| 1000 + own(i)).collect();
        let limits = engine.limits();
        let request = GenerateRequest::new(prompt, 0, Arc::clone(&params), &limits)?;
        streams.push(engine.submit(request)?);
    }
    for mut stream in streams {
        while let Some(event) = stream.recv() {
            if let TokenEvent::Failed(error) = event {
                return Err(error.into());
            }
        }
    }
    let stats = engine.stats();
    let (all, own) = (stats.times.steps, stats.times.scheduling);
    println!("steps            {:8}", stats.counters.steps);
    println!("tokens cached    {:8}", stats.counters.prefix_hit_tokens);
    println!("time of steps    {:8.3} s", all.as_secs_f64());
    println!("time to schedule {:8.3} ms", own.as_secs_f64() * 1e3);
    println!(
        "share            {:8.4} %",
        100.0 * own.as_secs_f64() / all.as_secs_f64()
    );
    Ok(())
}
