//! How long a search of the embedded store takes over 100,000 vectors of 384 numbers.
#![expect(clippy::unwrap_used, reason = "a bench fails loudly")]

use criterion::{Criterion, criterion_group, criterion_main};
use llm_apps::vector::{
    CollectionIdentity, Condition, EmbeddedIndex, EmbeddedOptions, Filter, Metadata, Near, Point,
    Query, SearchRequest, VectorIndex,
};
use serde_json::json;
use tokio::runtime::Runtime;

const POINTS: u32 = 100_000;
const DIMENSION: usize = 384;
const WORDS: u32 = 5_000;

/// The same numbers in every run (SplitMix64, Steele et al. 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn vector(state: &mut u64) -> Vec<f32> {
    #[expect(clippy::cast_precision_loss, reason = "24 bits are exact")]
    let mut number = || (next(state) >> 40) as f32 / 8_388_608.0 - 1.0;
    (0..DIMENSION).map(|_| number()).collect()
}

/// Thirty words; small numbers are frequent, as in texts.
fn text(state: &mut u64) -> String {
    let mut word = || {
        let (a, b) = (next(state) as u32 % WORDS, next(state) as u32 % WORDS);
        format!("w{}", u64::from(a) * u64::from(b) / u64::from(WORDS))
    };
    (0..30).map(|_| word()).collect::<Vec<_>>().join(" ")
}

async fn filled(folder: &std::path::Path) -> EmbeddedIndex {
    let identity = CollectionIdentity {
        name: "bench".to_owned(),
        encoder: "none".to_owned(),
        dimension: DIMENSION,
    };
    let index = EmbeddedIndex::open(folder, identity, EmbeddedOptions::default())
        .await
        .unwrap();
    let mut state = 1;
    for first in (0..POINTS).step_by(10_000) {
        let points = (first..first + 10_000).map(|id| {
            let mut metadata = Metadata::new();
            metadata.insert("tenth".to_owned(), json!(id % 10));
            Point {
                id: id.to_string(),
                text: text(&mut state),
                metadata,
                vector: vector(&mut state),
            }
        });
        index.upsert(points.collect()).await.unwrap();
    }
    index
}

fn search(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let index = runtime.block_on(filled(folder.path()));
    let near = Near {
        vector: vector(&mut 2),
        score_threshold: None,
    };
    let words = "w1 w20 w300 w1234".to_owned();
    let tenth = Filter::must([Condition::equals("tenth", 3_i64)]);
    for (name, query, filter) in [
        ("dense", Query::Dense(near.clone()), None),
        (
            "dense, one in ten passes",
            Query::Dense(near.clone()),
            Some(tenth),
        ),
        ("sparse", Query::Sparse(words.clone()), None),
        ("hybrid", Query::Hybrid(near, words), None),
    ] {
        let request = SearchRequest {
            query,
            filter,
            limit: 10,
        };
        criterion.bench_function(name, |bench| {
            bench.iter(|| runtime.block_on(index.search(request.clone())).unwrap());
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = search
}
criterion_main!(benches);
