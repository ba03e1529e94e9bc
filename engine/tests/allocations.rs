//! A step of a model allocates nothing once its buffers have grown: allocations are counted.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

mod support;

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::ops::Range;

use allocation_counter::measure;
use engine::model::{ModelFiles, load};
use engine::{
    BLOCK_SIZE, BatchPlan, BlockId, EngineConfig, Forward, LogitRows, ScheduledSequence, SequenceId,
};

const SEQUENCES: u32 = 8;
/// Blocks of each sequence.
const BLOCKS: u32 = 4;

/// One step that computes some positions of each sequence.
fn plan(positions: Range<u32>) -> BatchPlan {
    let sequences = (0..SEQUENCES).map(|id| ScheduledSequence {
        id: SequenceId(u64::from(id)),
        tokens: positions.clone().map(|i| 1_000 + i + id).collect(),
        start: positions.start as usize,
        block_table: (id * BLOCKS..(id + 1) * BLOCKS).map(BlockId).collect(),
        logits: LogitRows::Last,
    });
    BatchPlan {
        sequences: sequences.collect(),
    }
}

fn model(threads: usize) -> Box<dyn Forward> {
    let config = EngineConfig {
        kv_cache_bytes: 64 << 20,
        max_model_len: Some(256),
        threads: NonZeroUsize::new(threads),
        ..EngineConfig::default()
    };
    let files = ModelFiles::find(&support::model_path()).unwrap();
    load(&files, &config).unwrap().runner
}

#[test]
fn steps_allocate_nothing_once_buffers_have_grown() {
    let block = u32::try_from(BLOCK_SIZE).unwrap();
    let end = block * BLOCKS;
    for threads in [1, 2] {
        let mut model = model(threads);
        let prompt = plan(0..block);
        let decodes: Vec<_> = (block..end).map(|i| plan(i..i + 1)).collect();
        // The longest context of all, so that tables reach it.
        model.forward(&plan(end - block..end)).unwrap();

        let first = measure(|| {
            model.forward(&prompt).unwrap();
        });
        assert!(first.count_total < 10, "{first:?}");
        let mut steps = || {
            model.forward(&prompt).unwrap();
            for plan in &decodes {
                let mut logits = model.forward(plan).unwrap();
                assert_eq!(logits.rows().count(), SEQUENCES as usize);
            }
        };
        // Some buffers double when a plan has more parts than any before.
        let growing = measure(&mut steps);
        assert!(growing.count_total < 10, "{growing:?}");
        let again = measure(&mut steps);
        assert_eq!(again.count_total, 0, "{threads} threads: {again:?}");
    }
}

#[test]
fn the_counter_counts() {
    let counted = measure(|| drop(black_box(vec![0_u8; 100])));
    assert_eq!((counted.count_total, counted.bytes_total), (1, 100));
}
