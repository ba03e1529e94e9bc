//! The CUDA backend against the CPU engine, for a machine with an NVIDIA GPU and the toolkit:
//!
//! ```sh
//! PENSTOCK_TEST_MODEL=$(penstock pull smollm2-135m-instruct) \
//!   cargo test --package engine --features cuda --test cuda
//! ```

#![cfg(feature = "cuda")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

#[path = "support/prompts.rs"]
mod prompts;
mod support;

use std::sync::Arc;

use engine::model::{ModelFiles, load};
use engine::{
    Activations, BLOCK_SIZE, BatchPlan, BlockId, Device, EngineConfig, Forward, GenerateRequest,
    LogitRows, SamplingParams, ScheduledSequence, SequenceId, TokenEvent, open,
};

use crate::prompts::CAPITAL_PROMPT;

const GPU: Device = Device::Cuda { ordinal: 0 };

fn config(device: Device) -> EngineConfig {
    EngineConfig {
        device,
        // candle multiplies quantised weights with 8 bits.
        activations: Activations::Int8,
        kv_cache_bytes: 64 << 20,
        max_model_len: Some(1024),
        ..EngineConfig::default()
    }
}

fn runner(device: Device) -> Box<dyn Forward> {
    let files = ModelFiles::find(&support::model_path()).unwrap();
    load(&files, &config(device)).unwrap().runner
}

fn share(id: u32, tokens: &[u32], start: usize) -> ScheduledSequence {
    ScheduledSequence {
        id: SequenceId(u64::from(id)),
        tokens: tokens.to_vec(),
        start,
        block_table: (0..16)
            .rev()
            .map(|block| BlockId(16 * id + block))
            .collect(),
        logits: LogitRows::All,
    }
}

fn step(model: &mut dyn Forward, sequences: Vec<ScheduledSequence>) -> Vec<Vec<f32>> {
    let mut logits = model.forward(&BatchPlan { sequences }).unwrap();
    logits.rows().map(|row| row.to_vec()).collect()
}

fn argmax(row: &[f32]) -> usize {
    let better = |best: usize, at: usize| if row[at] > row[best] { at } else { best };
    (0..row.len()).reduce(better).unwrap()
}

fn bits(rows: &[Vec<f32>]) -> Vec<Vec<u32>> {
    let bits = |row: &Vec<f32>| row.iter().map(|x| x.to_bits()).collect();
    rows.iter().map(bits).collect()
}

#[test]
fn logits_agree_with_the_cpu() {
    let plan = || vec![share(0, &CAPITAL_PROMPT, 0)];
    let found = step(&mut *runner(GPU), plan());
    let expected = step(&mut *runner(Device::Cpu), plan());
    let mut agree = 0;
    for (found, expected) in found.iter().zip(&expected) {
        let largest = expected.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
        let distance = differences.fold(0.0, f32::max) / largest;
        assert!(distance < 6e-2, "{distance}");
        agree += usize::from(argmax(found) == argmax(expected));
    }
    assert!(agree + 2 >= expected.len(), "{agree} of {}", expected.len());
}

#[test]
fn chunks_neighbours_and_prefix_hits_change_no_bit() {
    let tokens: Vec<u32> = (0..200).map(|i| 300 + i * 31 % 20_000).collect();
    let mut gpu = runner(GPU);
    let whole = bits(&step(&mut *gpu, vec![share(0, &tokens, 0)]));
    let mut chunked = Vec::new();
    for (start, end) in [(0, 70), (70, 71), (71, 72), (72, 200)] {
        let stranger = share(1, &tokens[start..end], start);
        let mut rows = step(
            &mut *gpu,
            vec![share(2, &tokens[start..end], start), stranger],
        );
        rows.truncate(end - start);
        chunked.extend(bits(&rows));
    }
    assert!(chunked == whole, "chunks and neighbours");
    let full = 3 * BLOCK_SIZE;
    let mut late = share(3, &tokens[full..], full);
    late.block_table[..3].copy_from_slice(&share(0, &[], 0).block_table[..3]);
    assert!(
        bits(&step(&mut *gpu, vec![late])) == whole[full..],
        "a prefix hit"
    );
}

#[test]
fn blocks_that_leave_and_come_back_change_no_bit() {
    let tokens: Vec<u32> = (0..32).map(|i| 300 + i * 31).collect();
    let mut gpu = runner(GPU);
    let whole = bits(&step(&mut *gpu, vec![share(0, &tokens, 0)]));
    let mut bytes = vec![0; gpu.block_bytes()];
    let mut later = share(1, &tokens[31..], 31);
    for (from, to) in share(0, &[], 0)
        .block_table
        .into_iter()
        .zip(later.block_table.clone())
        .take(2)
    {
        assert!(gpu.read_block(from, &mut bytes));
        gpu.write_block(to, &bytes);
    }
    later.logits = LogitRows::Last;
    assert!(bits(&step(&mut *gpu, vec![later])) == whole[31..]);
}

#[test]
fn the_engine_answers() {
    let model = open(&support::model_path(), &config(GPU)).unwrap();
    let params = SamplingParams {
        temperature: 0.0,
        max_tokens: 8,
        ..SamplingParams::default()
    };
    let limits = model.engine.limits();
    let prompt = CAPITAL_PROMPT.to_vec().into();
    let request = GenerateRequest::new(prompt, 0, Arc::new(params), &limits).unwrap();
    let mut stream = model.engine.submit(request).unwrap();
    let mut said = Vec::new();
    while let Some(event) = stream.recv() {
        match event {
            TokenEvent::Token { id, .. } => said.push(id),
            TokenEvent::Done { .. } => {}
            event @ (TokenEvent::Prompt(_) | TokenEvent::Failed(_)) => panic!("{event:?}"),
        }
    }
    // "The capital of France is Paris."
    assert_eq!(said[..7], [504, 3575, 282, 4649, 314, 7042, 30]);
}
