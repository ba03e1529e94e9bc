//! Measures how long it takes to sample one token for each of 32 sequences, on one thread and on all.
//!
//! `cargo run --release -p engine --example sampling_speed`

#![expect(clippy::print_stdout, reason = "it prints its measurements")]
#![expect(clippy::disallowed_types, reason = "it measures real time")]

use std::error::Error;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::thread::available_parallelism;
use std::time::Instant;

use engine::kernels::Kernels;
use engine::sampler::Sampler;
use engine::{GenerateRequest, ModelLimits, SamplingParams};

const SEQUENCES: u32 = 32;
/// Vocabularies of SmolLM2 and of Gemma 3.
const VOCABULARIES: [usize; 2] = [49_152, 262_144];
/// Runs of which the best counts: other work on the machine only ever slows one down.
const RUNS: u32 = 20;

/// A sequence's sampler and its row of logits.
type Sequence = Mutex<(Sampler, Vec<f32>)>;

fn main() -> Result<(), Box<dyn Error>> {
    let threads = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let all = [NonZeroUsize::MIN, threads];
    let kernels = all.map(|threads| Kernels::new(threads, None));
    let plain = SamplingParams::default();
    let requests = [
        (
            "greedy",
            SamplingParams {
                temperature: 0.0,
                ..plain.clone()
            },
        ),
        (
            "temperature 0.7",
            SamplingParams {
                temperature: 0.7,
                ..plain.clone()
            },
        ),
        (
            "0.7, top-k 40",
            SamplingParams {
                temperature: 0.7,
                top_k: 40,
                ..plain.clone()
            },
        ),
        (
            "0.7, top-p 0.9",
            SamplingParams {
                temperature: 0.7,
                top_p: 0.9,
                ..plain.clone()
            },
        ),
        (
            "greedy, logprobs",
            SamplingParams {
                temperature: 0.0,
                logprobs: Some(5),
                ..plain
            },
        ),
    ];
    println!("microseconds for {SEQUENCES} sequences on 1 thread, on {threads}");
    for vocabulary in VOCABULARIES {
        for (name, params) in &requests {
            let params = Arc::new(params.clone());
            let mut times = Vec::new();
            for kernels in &kernels {
                let kernels = kernels.as_ref().map_err(Clone::clone)?;
                times.push(measure(kernels, &params, vocabulary)?);
            }
            println!("{vocabulary:7} {name:18} {:9.0} {:9.0}", times[0], times[1]);
        }
    }
    Ok(())
}

fn measure(
    kernels: &Kernels,
    params: &Arc<SamplingParams>,
    vocabulary: usize,
) -> Result<f64, Box<dyn Error>> {
    let limits = ModelLimits {
        vocab_size: vocabulary,
        max_model_len: 1024,
    };
    let logits: Vec<f32> = (0..).take(vocabulary).map(logit).collect();
    let sequences = (0..SEQUENCES).map(|choice| {
        let request = GenerateRequest::new([1].into(), choice, Arc::clone(params), &limits)?;
        Ok(Mutex::new((Sampler::new(&request), logits.clone())))
    });
    let sequences: Vec<Sequence> = sequences.collect::<Result<_, Box<dyn Error>>>()?;
    let mut best = f64::INFINITY;
    for run in 0..RUNS {
        for sequence in &sequences {
            if let Ok(mut sequence) = sequence.lock() {
                sequence.1.copy_from_slice(&logits);
            }
        }
        let start = Instant::now();
        kernels.for_each(sequences.len(), &|index| {
            if let Ok(mut sequence) = sequences[index].lock() {
                let (sampler, logits) = &mut *sequence;
                sampler.sample(logits, run, &[]).ok();
            }
        });
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best * 1e6)
}

/// As peaked as a model's.
fn logit(id: u32) -> f32 {
    let hash = id.wrapping_mul(0x9E37_79B9) >> 8;
    (hash % 512) as f32 / 64.0 + if hash.is_multiple_of(97) { 6.0 } else { 0.0 }
}
