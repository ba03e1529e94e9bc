//! What a collection is asked: searches, and reading it through.

use super::error::VectorError;
use super::filter::Filter;
use super::point::{Record, normalise};

/// Most hits or records of one call.
pub const MAX_LIMIT: usize = 1000;

/// A search.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest {
    /// What to look for.
    pub query: Query,
    /// Which points may be found; `None` for all.
    pub filter: Option<Filter>,
    /// Hits at most, from 1 to [`MAX_LIMIT`].
    pub limit: usize,
}

/// By what is searched.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// By meaning: the points with the most similar vectors.
    Dense(Near),
    /// By words: the points with the highest BM25 score; only those that share a word.
    Sparse(String),
    /// By both: the two lists, fused by ranks.
    Hybrid(Near, String),
}

/// The near side of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Near {
    /// The encoder's vector of the question.
    pub vector: Vec<f32>,
    /// Cosine similarity below which nothing is found by the vector; what is found by words is not
    /// held to it. `None` for no threshold.
    pub score_threshold: Option<f32>,
}

/// Reads a collection in the order of its own, page by page.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScrollRequest {
    /// Which points to read; `None` for all.
    pub filter: Option<Filter>,
    /// [`ScrollPage::next`] of the page before; `None` for the first page.
    pub after: Option<String>,
    /// Records at most, from 1 to [`MAX_LIMIT`].
    pub limit: usize,
}

/// One page of a collection.
#[derive(Debug, Clone, PartialEq)]
pub struct ScrollPage {
    /// The records.
    pub records: Vec<Record>,
    /// Where the next page goes on; `None` after the last.
    pub next: Option<String>,
}

/// Points that a search by vector or by words contributes to a fusion, at least.
const MIN_CANDIDATES: usize = 100;

impl SearchRequest {
    /// Proves the request for a collection of `dimension`; vectors come out normalised.
    pub(super) fn prove(mut self, dimension: usize) -> Result<Self, VectorError> {
        prove_limit(self.limit)?;
        if let Some(filter) = &self.filter {
            filter.prove()?;
        }
        match &mut self.query {
            Query::Sparse(_) => {}
            Query::Dense(near) | Query::Hybrid(near, _) => {
                normalise(&mut near.vector, dimension).map_err(|why| VectorError::Request {
                    why: format!("the question cannot be searched for: {why}"),
                })?;
                if let Some(threshold) = near.score_threshold.filter(|t| !(-1.0..=1.0).contains(t))
                {
                    return Err(VectorError::Request {
                        why: format!(
                            "score_threshold is a cosine similarity from -1 to 1, but is {threshold}"
                        ),
                    });
                }
            }
        }
        Ok(self)
    }

    /// Points that each side of a hybrid search contributes.
    pub(super) fn candidates(&self) -> usize {
        self.limit.max(MIN_CANDIDATES)
    }
}

impl ScrollRequest {
    /// Proves the request.
    pub(super) fn prove(&self) -> Result<(), VectorError> {
        prove_limit(self.limit)?;
        self.filter.as_ref().map_or(Ok(()), Filter::prove)
    }
}

fn prove_limit(limit: usize) -> Result<(), VectorError> {
    if (1..=MAX_LIMIT).contains(&limit) {
        return Ok(());
    }
    Err(VectorError::Request {
        why: format!("limit must be from 1 to {MAX_LIMIT}, but is {limit}"),
    })
}
