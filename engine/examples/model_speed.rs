//! Measures a model on this machine: time to load, prompt and decode speed; of a GGUF file also the
//! time to open its tokenizer.
//!
//! `cargo run --release -p engine --example model_speed -- MODEL [THREADS]`

#![expect(clippy::print_stdout, reason = "it prints its measurements")]
#![expect(clippy::disallowed_types, reason = "it measures real time")]

use std::env;
use std::error::Error;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use engine::gguf::GgufFile;
use engine::model::{ModelFiles, load};
use engine::tokenizer::{GgufVocabulary, Tokenizer};
use engine::{
    BLOCK_SIZE, BatchPlan, BlockId, EngineConfig, Forward, LogitRows, ScheduledSequence, SequenceId,
};

/// Tokens of the prompt that is timed.
const PROMPT: usize = 512;
/// Context of each sequence while decoding is timed.
const CONTEXT: usize = 64;
/// Tokens that each sequence decodes.
const DECODED: usize = 48;
/// Runs of which the best counts: other work on the machine only ever slows one down.
const RUNS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let path = PathBuf::from(args.next().ok_or("usage: model_speed MODEL [THREADS]")?);
    let threads: Option<NonZeroUsize> = args.next().map(|threads| threads.parse()).transpose()?;
    let config = EngineConfig {
        threads,
        ..EngineConfig::default()
    };
    let start = Instant::now();
    let model = load(&ModelFiles::find(&path)?, &config)?;
    println!("load            {:8.3} s", start.elapsed().as_secs_f64());
    println!("{:#?}", model.info);
    let mut runner = model.runner;
    if path.is_file() {
        let start = Instant::now();
        let file = GgufFile::open(&path)?;
        let vocabulary = GgufVocabulary::read(file.metadata())?;
        let read = start.elapsed().as_secs_f64();
        let tokenizer = Tokenizer::from_gguf(&vocabulary)?;
        let built = start.elapsed().as_secs_f64();
        let tokens = tokenizer.vocab_size();
        println!("tokenizer       {built:8.3} s, {read:.3} s of it reading {tokens} tokens");
    }

    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let start = Instant::now();
        step(&mut *runner, 1, 0, PROMPT)?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!(
        "prompt {PROMPT:4}     {:8.1} tokens/s",
        PROMPT as f64 / best
    );

    for sequences in [1, 8, 32] {
        let mut best = f64::INFINITY;
        for _ in 0..RUNS {
            for start in (0..CONTEXT).step_by(BLOCK_SIZE) {
                step(&mut *runner, sequences, start, BLOCK_SIZE)?;
            }
            let start = Instant::now();
            for position in CONTEXT..CONTEXT + DECODED {
                step(&mut *runner, sequences, position, 1)?;
            }
            best = best.min(start.elapsed().as_secs_f64());
        }
        let tokens = sequences * DECODED;
        println!(
            "decode x {sequences:<4}   {:8.1} tokens/s",
            tokens as f64 / best
        );
    }
    Ok(())
}

/// One step that computes `len` tokens of each sequence from position `start` on.
fn step(
    runner: &mut dyn Forward,
    sequences: usize,
    start: usize,
    len: usize,
) -> Result<(), Box<dyn Error>> {
    let blocks = PROMPT.div_ceil(BLOCK_SIZE);
    let sequences = (0..sequences)
        .map(|id| {
            let table = (id * blocks..(id + 1) * blocks).map(|b| Ok(BlockId(b.try_into()?)));
            let tokens = (start..start + len).map(|i| Ok(((i * 97 + id * 13) % 1000).try_into()?));
            Ok(ScheduledSequence {
                id: SequenceId(id as u64),
                tokens: tokens.collect::<Result<_, Box<dyn Error>>>()?,
                start,
                block_table: table.collect::<Result<_, Box<dyn Error>>>()?,
                logits: LogitRows::Last,
            })
        })
        .collect::<Result<_, Box<dyn Error>>>()?;
    runner.forward(&BatchPlan { sequences })?;
    Ok(())
}
