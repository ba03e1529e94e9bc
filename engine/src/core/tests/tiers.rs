//! The colder tiers under the whole step: what was evicted comes back, and nobody can tell.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::config::{DiskTierConfig, KvTiersConfig};
use crate::core::Clock;
use crate::core::tests::{Bench, LIMITS};
use crate::event::{TokenEvent, Usage};
use crate::kv_cache::KvCache;
use crate::kv_tiers::KvTiers;
use crate::request::{GenerateRequest, SamplingParams};
use crate::scheduler::SchedulerLimits;
use crate::testing::FakeModel;

/// Bytes of the fake model's block.
const BLOCK: usize = 128;

/// An engine with a pool of 10 blocks, and memory for `ram` more.
fn bench(ram: usize, disk: Option<&Path>) -> Bench {
    let model = FakeModel::new(LIMITS, 10);
    let config = KvTiersConfig {
        ram_bytes: ram * BLOCK,
        disk: disk.map(|path| DiskTierConfig {
            path: path.to_owned(),
            bytes: 1 << 20,
        }),
    };
    let (tiers, index) = KvTiers::open(&config, &model).unwrap();
    let cache = KvCache::new(10, true).with_tiers(index);
    let limits = SchedulerLimits::new(4, 64);
    let mut bench = Bench::with_cache(model, limits, cache, Clock::stopped());
    bench.core = bench.core.with_tiers(Some(tiers));
    bench
}

fn ask(bench: &mut Bench, family: u32, len: u32) -> (Vec<u32>, Usage) {
    let prompt: Vec<u32> = (0..len).map(|i| (family * 11 + i * 3) % 64).collect();
    let params = SamplingParams {
        max_tokens: 8,
        ignore_eos: true,
        ..SamplingParams::default()
    };
    let request = GenerateRequest::new(prompt.into(), 0, Arc::new(params), &LIMITS);
    let events = bench.submit(request.expect("the test's request is valid"));
    bench.run_to_end();
    let mut tokens = Vec::new();
    for event in events.drain() {
        match event {
            TokenEvent::Token { id, .. } => tokens.push(id),
            TokenEvent::Done { usage, .. } => return (tokens, usage),
            other @ (TokenEvent::Prompt(_) | TokenEvent::Failed(_)) => {
                panic!("a token or the end was due: {other:?}")
            }
        }
    }
    panic!("no end: {tokens:?}");
}

#[test]
fn an_evicted_prefix_is_restored_from_memory() {
    let mut bench = bench(32, None);
    let (first, usage) = ask(&mut bench, 1, 100);
    assert_eq!(usage.cached_tokens, 0);
    // Another takes the whole pool.
    ask(&mut bench, 2, 140);
    let computed = bench.stats().counters.prompt_tokens;
    let (again, usage) = ask(&mut bench, 1, 100);
    assert_eq!(again, first, "E9");
    assert_eq!(usage.cached_tokens, 96);
    assert_eq!(bench.stats().counters.prompt_tokens - computed, 4);
    assert!(bench.stats().tiers.restored_blocks > 0);
}

#[test]
fn what_memory_forgets_is_on_disk_and_survives_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let mut one = bench(4, Some(root.path()));
    let (first, _) = ask(&mut one, 1, 60);
    for family in 2..5 {
        ask(&mut one, family, 140);
    }
    // Nothing of it is in the pool or in memory now.
    let (again, usage) = ask(&mut one, 1, 60);
    assert_eq!(again, first, "E9");
    assert!(usage.cached_tokens > 0, "{:?}", one.stats());
    assert!(one.stats().tiers.fetched_blocks > 0);
    ask(&mut one, 9, 140);
    one.core.close_tiers();
    drop(one);

    let mut two = bench(8, Some(root.path()));
    assert!(two.stats().tiers.disk_blocks > 8, "{:?}", two.stats());
    let (again, usage) = ask(&mut two, 1, 60);
    assert_eq!((again, usage.cached_tokens), (first, 48), "E9");
}

#[test]
fn damaged_files_are_computed_anew() {
    let root = tempfile::tempdir().unwrap();
    let mut one = bench(8, Some(root.path()));
    let (first, _) = ask(&mut one, 1, 60);
    ask(&mut one, 2, 140);
    one.core.close_tiers();
    drop(one);
    let folder = fs::read_dir(root.path()).unwrap().next().unwrap().unwrap();
    let mut files = 0;
    for file in fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
        files += 1;
    }
    assert!(files >= 3, "{files}");
    let mut two = bench(8, Some(root.path()));
    let (again, usage) = ask(&mut two, 1, 60);
    assert_eq!((again, usage.cached_tokens), (first, 0));
    assert_eq!(two.stats().tiers.fetched_blocks, 0);
}
