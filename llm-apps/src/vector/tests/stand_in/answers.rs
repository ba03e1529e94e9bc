//! Queries: nearest by cosine, by sparse product with inverse document frequency, and their fusion.

use std::collections::HashMap;

use qdrant_client::qdrant::query::Variant;
use qdrant_client::qdrant::vector::Vector as Kind;
use qdrant_client::qdrant::vector_input::Variant as Input;
use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::{Filter, PointStruct, Query, QueryPoints, ScoredPoint, SparseVector};
use tonic::Status;

use super::matching::passes;
use super::service::Collection;

/// Points by their keys, with scores, best first.
type Ranked = Vec<(String, f32)>;

pub(super) fn query(
    collection: &Collection,
    request: &QueryPoints,
) -> Result<Vec<ScoredPoint>, Status> {
    let limit = usize::try_from(request.limit.unwrap_or(10)).unwrap();
    let query = request.query.as_ref();
    let ranked = match query.and_then(|query| query.variant.as_ref()) {
        Some(Variant::Rrf(rrf)) => {
            let mut scores: HashMap<String, f32> = HashMap::new();
            for prefetch in &request.prefetch {
                let prefetched = nearest(
                    collection,
                    prefetch.query.as_ref(),
                    prefetch.using.as_deref(),
                    prefetch.filter.as_ref(),
                    prefetch.score_threshold,
                )?;
                let kept = usize::try_from(prefetch.limit.unwrap_or(10)).unwrap();
                for (rank, (id, _)) in prefetched.into_iter().take(kept).enumerate() {
                    let k = rrf.k.unwrap_or(2) as usize;
                    #[expect(clippy::cast_precision_loss, reason = "small ranks")]
                    let score = 1.0 / (k + rank) as f32;
                    *scores.entry(id).or_default() += score;
                }
            }
            sorted(scores.into_iter().collect())
        }
        _ => nearest(
            collection,
            query,
            request.using.as_deref(),
            request.filter.as_ref(),
            request.score_threshold,
        )?,
    };
    let points = ranked.into_iter().take(limit).map(|(id, score)| {
        let point = &collection.points[&id];
        ScoredPoint {
            id: point.id.clone(),
            payload: point.payload.clone(),
            score,
            ..ScoredPoint::default()
        }
    });
    Ok(points.collect())
}

fn nearest(
    collection: &Collection,
    query: Option<&Query>,
    using: Option<&str>,
    filter: Option<&Filter>,
    threshold: Option<f32>,
) -> Result<Ranked, Status> {
    let variant = query.and_then(|query| query.variant.as_ref());
    let Some(Variant::Nearest(input)) = variant else {
        return Err(Status::unimplemented("only nearest and rrf are answered"));
    };
    let using = using.ok_or_else(|| Status::invalid_argument("which vector?"))?;
    let mut ranked = Ranked::new();
    for (id, point) in &collection.points {
        if !passes(filter, point) {
            continue;
        }
        let score = match (input.variant.as_ref(), vector(point, using)) {
            (Some(Input::Dense(question)), Some(Kind::Dense(vector))) => {
                Some(cosine(&question.data, &vector.data))
            }
            (Some(Input::Sparse(question)), Some(Kind::Sparse(vector))) => {
                product(collection, question, vector)
            }
            _ => return Err(Status::invalid_argument("the vector is of another kind")),
        };
        ranked.extend(score.map(|score| (id.clone(), score)));
    }
    ranked.retain(|(_, score)| threshold.is_none_or(|threshold| *score >= threshold));
    Ok(sorted(ranked))
}

/// The sparse product, each word weighed by how rare it is; none where no word is shared.
fn product(collection: &Collection, question: &SparseVector, vector: &SparseVector) -> Option<f32> {
    let shared = vector.indices.iter().zip(&vector.values);
    let shared = shared.filter(|(index, _)| question.indices.contains(index));
    let weighed = shared.map(|(index, value)| {
        let has = |point: &&PointStruct| match vector_of_words(point) {
            Some(words) => words.indices.contains(index),
            None => false,
        };
        #[expect(clippy::cast_precision_loss, reason = "a few points")]
        let (all, with) = (
            collection.points.len() as f32,
            collection.points.values().filter(has).count() as f32,
        );
        value * (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    });
    weighed.reduce(|sum, value| sum + value)
}

fn vector_of_words(point: &PointStruct) -> Option<&SparseVector> {
    match vector(point, "sparse") {
        Some(Kind::Sparse(vector)) => Some(vector),
        _ => None,
    }
}

fn vector<'p>(point: &'p PointStruct, name: &str) -> Option<&'p Kind> {
    match point.vectors.as_ref()?.vectors_options.as_ref()? {
        VectorsOptions::Vectors(named) => named.vectors.get(name)?.vector.as_ref(),
        VectorsOptions::Vector(_) => None,
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn sorted(mut ranked: Ranked) -> Ranked {
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    ranked
}
