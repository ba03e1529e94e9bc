//! How long a search of the embedded store takes over 100,000 vectors of 384 numbers, and how many of
//! the nearest it finds.
//!
//! Half of the vectors lie in tight clusters, as passages of one document do.
#![expect(clippy::unwrap_used, reason = "a bench fails loudly")]
#![expect(clippy::print_stdout, reason = "it prints its measurements")]

use criterion::{Criterion, criterion_group, criterion_main};
use llm_apps::vector::{
    CollectionIdentity, Condition, EmbeddedIndex, EmbeddedOptions, Filter, Metadata, Near, Point,
    Query, SearchRequest, VectorIndex,
};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::time::Instant;

const POINTS: u32 = 100_000;
const DIMENSION: usize = 384;
const WORDS: u64 = 5_000;
const CENTRES: usize = 100;
const QUESTIONS: usize = 100;
const LIMIT: usize = 10;

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

/// Every other one is near a centre.
fn clustered(index: usize, centres: &[Vec<f32>], state: &mut u64) -> Vec<f32> {
    let mut vector = vector(state);
    if index.is_multiple_of(2) {
        for (value, centre) in vector.iter_mut().zip(&centres[index / 2 % CENTRES]) {
            *value = 0.3 * *value + centre;
        }
    }
    vector
}

/// Thirty words; small numbers are frequent, as in texts.
fn text(state: &mut u64) -> String {
    let mut word = || format!("w{}", next(state) % WORDS * (next(state) % WORDS) / WORDS);
    (0..30).map(|_| word()).collect::<Vec<_>>().join(" ")
}

async fn filled(folder: &std::path::Path, vectors: &[Vec<f32>]) -> EmbeddedIndex {
    let identity = CollectionIdentity {
        name: "bench".to_owned(),
        encoder: "none".to_owned(),
        dimension: DIMENSION,
    };
    let index = EmbeddedIndex::open(folder, identity, EmbeddedOptions::default())
        .await
        .unwrap();
    let mut state = 1;
    let numbered: Vec<_> = (0..POINTS).zip(vectors).collect();
    for batch in numbered.chunks(10_000) {
        let points = batch.iter().map(|(id, vector)| {
            let mut metadata = Metadata::new();
            metadata.insert("tenth".to_owned(), json!(id % 10));
            Point {
                id: id.to_string(),
                text: text(&mut state),
                metadata,
                vector: (*vector).clone(),
            }
        });
        index.upsert(points.collect()).await.unwrap();
    }
    index
}

/// How many of the nearest by 64-bit arithmetic a search finds.
async fn recall(index: &EmbeddedIndex, vectors: &[Vec<f32>], questions: &[Vec<f32>]) -> usize {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let products = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b));
        products.sum()
    };
    let norms: Vec<f64> = vectors.iter().map(|v| dot(v, v).sqrt()).collect();
    let mut found = 0;
    for question in questions {
        let scores = vectors
            .iter()
            .zip(&norms)
            .map(|(v, norm)| dot(v, question) / norm);
        let mut scored: Vec<(f64, u32)> = scores.zip(0..).collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        let nearest: Vec<String> = scored
            .iter()
            .take(LIMIT)
            .map(|(_, id)| id.to_string())
            .collect();
        let near = Near {
            vector: question.clone(),
            score_threshold: None,
        };
        let request = SearchRequest {
            query: Query::Dense(near),
            filter: None,
            limit: LIMIT,
        };
        let hits = index.search(request).await.unwrap();
        let right = hits.iter().filter(|hit| nearest.contains(&hit.record.id));
        found += right.count();
    }
    found
}

fn search(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let mut state = 3;
    let centres: Vec<_> = (0..CENTRES).map(|_| vector(&mut state)).collect();
    let mut made = (0..).map(|index| clustered(index, &centres, &mut state));
    let vectors: Vec<_> = made.by_ref().take(POINTS as usize).collect();
    let questions: Vec<_> = made.take(QUESTIONS).collect();
    let start = Instant::now();
    let index = runtime.block_on(filled(folder.path(), &vectors));
    println!("{POINTS} points stored in {:.1?}", start.elapsed());
    let found = runtime.block_on(recall(&index, &vectors, &questions));
    println!("found {found} of the {} nearest", QUESTIONS * LIMIT);
    let near = Near {
        vector: questions[0].clone(),
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
            limit: LIMIT,
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
