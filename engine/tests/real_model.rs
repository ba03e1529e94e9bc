//! SmolLM2 through [`Forward`]: it knows a capital, and neither chunks nor neighbours change a bit
//! of what it says (E9).

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail loudly, as tests do"
)]

#[path = "support/prompts.rs"]
mod prompts;
mod support;

use std::num::NonZeroUsize;

use engine::model::{ModelFiles, load};
use engine::{
    BLOCK_SIZE, BatchPlan, BlockId, EngineConfig, Forward, LogitRows, ScheduledSequence, SequenceId,
};
use prompts::CAPITAL_PROMPT;

/// Blocks that each test sequence owns.
const BLOCKS: u32 = 8;

fn runner() -> Box<dyn Forward> {
    let config = EngineConfig {
        kv_cache_bytes: 512 << 20,
        threads: NonZeroUsize::new(2),
        ..EngineConfig::default()
    };
    let files = ModelFiles::find(&support::model_path()).unwrap();
    load(&files, &config).unwrap().runner
}

/// Tokens of sequence `id` from `start` on; each sequence has blocks of its own.
fn share(id: u32, tokens: &[u32], start: usize, logits: LogitRows) -> ScheduledSequence {
    assert!(start + tokens.len() <= BLOCKS as usize * BLOCK_SIZE);
    ScheduledSequence {
        id: SequenceId(id.into()),
        tokens: tokens.to_vec(),
        start,
        block_table: (0..BLOCKS)
            .map(|block| BlockId(id * BLOCKS + block))
            .collect(),
        logits,
    }
}

/// Rows of one step, bit by bit.
fn step(runner: &mut dyn Forward, sequences: Vec<ScheduledSequence>) -> Vec<Vec<u32>> {
    let plan = BatchPlan { sequences };
    let mut logits = runner.forward(&plan).unwrap();
    assert_eq!(logits.len(), plan.num_logit_rows());
    logits
        .rows()
        .map(|row| row.iter().map(|logit| logit.to_bits()).collect())
        .collect()
}

fn greedy(row: &[u32]) -> u32 {
    let value = |index: &usize| f32::from_bits(row[*index]);
    let best = (0..row.len())
        .max_by(|a, b| value(a).total_cmp(&value(b)))
        .unwrap();
    u32::try_from(best).unwrap()
}

#[test]
fn it_knows_the_capital_of_france() {
    let files = ModelFiles::find(&support::model_path()).unwrap();
    let model = load(&files, &EngineConfig::default()).unwrap();
    assert_eq!(model.eos_token_ids, [2]);
    assert_eq!(model.info.architecture, "llama");
    assert_eq!(model.info.parameters, 134_515_008);
    assert_eq!(model.runner.limits().vocab_size, 49_152);
    assert_eq!(model.runner.limits().max_model_len, 8_192);

    let mut runner = model.runner;
    let prompt = share(0, &CAPITAL_PROMPT, 0, LogitRows::Last);
    let mut token = greedy(&step(&mut *runner, vec![prompt])[0]);
    let mut answer = Vec::new();
    while !model.eos_token_ids.contains(&token) && answer.len() < 16 {
        answer.push(token);
        let start = CAPITAL_PROMPT.len() + answer.len() - 1;
        let next = share(0, &[token], start, LogitRows::Last);
        token = greedy(&step(&mut *runner, vec![next])[0]);
    }
    // "The capital of France is Paris."
    assert_eq!(answer, [504, 3575, 282, 4649, 314, 7042, 30]);
}

#[test]
fn chunks_change_no_bit() {
    let mut runner = runner();
    let whole = step(
        &mut *runner,
        vec![share(0, &CAPITAL_PROMPT, 0, LogitRows::All)],
    );
    for chunk in [1, 5, 16, 23] {
        let mut rows = Vec::new();
        for (index, tokens) in CAPITAL_PROMPT.chunks(chunk).enumerate() {
            let share = share(1, tokens, index * chunk, LogitRows::All);
            rows.extend(step(&mut *runner, vec![share]));
        }
        assert!(rows == whole, "chunks of {chunk}");
    }
}

#[test]
fn neighbours_change_no_bit() {
    let mut runner = runner();
    let prompts: Vec<Vec<u32>> = (0..9_u32)
        .map(|id| {
            (0..10 + id * 5)
                .map(|i| (id * 1009 + i * 31) % 49_152)
                .collect()
        })
        .collect();
    let alone: Vec<_> = (0..)
        .zip(&prompts)
        .map(|(id, prompt)| {
            let mut rows = step(&mut *runner, vec![share(id, prompt, 0, LogitRows::Last)]);
            let next = share(id, &[greedy(&rows[0])], prompt.len(), LogitRows::Last);
            rows.extend(step(&mut *runner, vec![next]));
            rows
        })
        .collect();
    // Other blocks, one step for all prompts, one for all next tokens beside a new prompt.
    let shares = (10..)
        .zip(&prompts)
        .map(|(id, prompt)| share(id, prompt, 0, LogitRows::Last));
    let first = step(&mut *runner, shares.collect());
    let mut shares: Vec<_> = (10..)
        .zip(prompts.iter().zip(&first))
        .map(|(id, (prompt, row))| share(id, &[greedy(row)], prompt.len(), LogitRows::Last))
        .collect();
    shares.insert(4, share(30, &CAPITAL_PROMPT, 0, LogitRows::None));
    let second = step(&mut *runner, shares);
    for (index, alone) in alone.iter().enumerate() {
        assert!(first[index] == alone[0], "prompt {index}");
        assert!(second[index] == alone[1], "next token {index}");
    }
}
