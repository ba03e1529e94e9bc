//! The scan of bytes and the exact computation after it find what the exact search finds.

use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};

use super::random_numbers::Random;
use crate::vector::embedded::codes::Codes;
use crate::vector::embedded::mask::Mask;
use crate::vector::{
    CollectionIdentity, EmbeddedIndex, EmbeddedOptions, Metadata, Near, Point, Query,
    SearchRequest, VectorIndex,
};

const DIMENSION: usize = 384;
const POINTS: usize = 20_000;
const QUESTIONS: usize = 50;
const LIMIT: usize = 10;

/// Half of the vectors are in tight clusters, where many are nearly as near as the nearest, as
/// passages of one document are.
#[tokio::test]
#[expect(clippy::needless_range_loop, reason = "several lists share the index")]
async fn recall_is_at_least_99_percent() {
    let mut random = Random::new(7);
    let centres: Vec<Vec<f32>> = (0..100).map(|_| random.vector(DIMENSION)).collect();
    let vectors: Vec<Vec<f32>> = (0..POINTS)
        .map(|index| {
            let mut vector = random.vector(DIMENSION);
            if index % 2 == 0 {
                for (value, centre) in vector.iter_mut().zip(&centres[index / 2 % 100]) {
                    *value = 0.3 * *value + centre;
                }
            }
            vector
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let identity = CollectionIdentity {
        name: "docs".to_owned(),
        encoder: "minilm".to_owned(),
        dimension: DIMENSION,
    };
    let options = EmbeddedOptions::default();
    let index = EmbeddedIndex::open(folder.path(), identity, options)
        .await
        .unwrap();
    for (batch, chunk) in vectors.chunks(5_000).enumerate() {
        let points = chunk.iter().enumerate().map(|(offset, vector)| Point {
            id: (batch * 5_000 + offset).to_string(),
            text: String::new(),
            metadata: Metadata::new(),
            vector: vector.clone(),
        });
        index.upsert(points.collect()).await.unwrap();
    }
    let mut found = 0;
    for question in 0..QUESTIONS {
        let mut vector = random.vector(DIMENSION);
        if question % 2 == 0 {
            for (value, centre) in vector.iter_mut().zip(&centres[question]) {
                *value = 0.3 * *value + centre;
            }
        }
        let expected = exact(&vectors, &vector);
        let near = Near {
            vector,
            score_threshold: None,
        };
        let request = SearchRequest {
            query: Query::Dense(near),
            filter: None,
            limit: LIMIT,
        };
        let hits = index.search(request).await.unwrap();
        assert_eq!(hits.len(), LIMIT);
        found += hits
            .iter()
            .filter(|hit| expected.contains(&hit.record.id))
            .count();
    }
    let wanted = QUESTIONS * LIMIT;
    assert!(found * 100 >= wanted * 99, "{found} of {wanted}");
}

/// The nearest by 64-bit arithmetic.
fn exact(vectors: &[Vec<f32>], question: &[f32]) -> Vec<String> {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum()
    };
    let cosine = |vector: &[f32]| dot(vector, question) / dot(vector, vector).sqrt();
    let mut scored: Vec<(f64, usize)> = vectors
        .iter()
        .enumerate()
        .map(|(index, vector)| (cosine(vector), index))
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored
        .iter()
        .take(LIMIT)
        .map(|(_, index)| index.to_string())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// What the scan leaves out is, but for the bytes' rounding, no nearer than what it keeps; what
    /// the mask leaves out never comes.
    #[test]
    fn the_scan_keeps_the_nearest_of_the_mask(seed in any::<u64>(), dimension in 1..80_usize, count in 1..300_usize, keep in 1..40_usize) {
        let mut random = Random::new(seed);
        let mut codes = Codes::new(dimension);
        let vectors: Vec<Vec<f32>> = (0..count).map(|_| random.unit(dimension)).collect();
        let mut mask = Mask::default();
        for (slot, vector) in (0_u32..).zip(&vectors) {
            codes.set(slot, vector);
            if !random.next().is_multiple_of(4) {
                mask.insert(slot);
            }
        }
        let question = random.unit(dimension);
        let kept = codes.nearest(&question, &mask, keep);
        prop_assert!(kept.len() == keep.min(mask.len()));
        prop_assert!(kept.iter().all(|slot| mask.contains(*slot)));
        let score = |slot: &u32| -> f32 { vectors[*slot as usize].iter().zip(&question).map(|(a, b)| a * b).sum() };
        let least = kept.iter().map(score).fold(f32::INFINITY, f32::min);
        let left_out = mask.iter().filter(|slot| !kept.contains(slot));
        let most = left_out.map(|slot| score(&slot)).fold(f32::NEG_INFINITY, f32::max);
        prop_assert!(most <= least + 0.02, "{most} was left out, {least} kept");
    }
}
