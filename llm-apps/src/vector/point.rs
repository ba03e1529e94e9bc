//! What a collection holds: passages with vectors and metadata.

use serde_json::{Map, Value};

use super::error::VectorError;

/// What is known of a passage besides its text, by key. Keys that begin with `_` are ours.
pub type Metadata = Map<String, Value>;

/// Where the metadata of a passage says what it is from, such as the path of its file.
pub const SOURCE: &str = "source";

/// A passage as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Names it in its collection; storing another under the same id replaces it.
    pub id: String,
    /// The passage, which is searched by words.
    pub text: String,
    /// Filters look here.
    pub metadata: Metadata,
    /// The encoder's vector of the text, of the collection's dimension. Its length does not matter:
    /// it is stored normalised.
    pub vector: Vec<f32>,
}

/// A passage as it is found.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Names it in its collection.
    pub id: String,
    /// The passage.
    pub text: String,
    /// What is known of it.
    pub metadata: Metadata,
}

/// A passage that a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The passage.
    pub record: Record,
    /// How well it fits, higher is better: cosine similarity (-1 to 1) of a search by vector, the
    /// BM25 score of one by words, the fused score of one by both.
    pub score: f32,
}

/// Longest id, in bytes.
const MAX_ID: usize = 512;
/// Longest text, in bytes.
const MAX_TEXT: usize = 1 << 20;
/// Largest metadata, in bytes of JSON.
const MAX_METADATA: usize = 1 << 16;
/// Most points of one call.
const MAX_BATCH: usize = 10_000;

impl Point {
    /// Proves the point for a collection of `dimension` and normalises its vector.
    pub(super) fn prove(mut self, dimension: usize) -> Result<Self, VectorError> {
        prove_id(&self.id)?;
        let fault = |why: String| VectorError::Point {
            id: self.id.clone(),
            why,
        };
        if self.text.len() > MAX_TEXT {
            let length = self.text.len();
            return Err(fault(format!(
                "the text has {length} bytes, but at most {MAX_TEXT} are stored; cut it into chunks"
            )));
        }
        prove_metadata(&self.id, &self.metadata)?;
        match normalise(&mut self.vector, dimension) {
            Ok(()) => Ok(self),
            Err(why) => Err(VectorError::Point { id: self.id, why }),
        }
    }
}

/// Proves the number of points of one call.
pub(super) fn prove_batch(points: usize) -> Result<(), VectorError> {
    if points > MAX_BATCH {
        return Err(VectorError::Request {
            why: format!("one call may bring {MAX_BATCH} points, but this one has {points}"),
        });
    }
    Ok(())
}

/// Proves an id.
pub(super) fn prove_id(id: &str) -> Result<(), VectorError> {
    if id.is_empty() || id.len() > MAX_ID {
        return Err(VectorError::Point {
            id: id.chars().take(64).collect(),
            why: format!(
                "an id has from 1 to {MAX_ID} bytes, but this has {}",
                id.len()
            ),
        });
    }
    Ok(())
}

/// Proves metadata.
pub(super) fn prove_metadata(id: &str, metadata: &Metadata) -> Result<(), VectorError> {
    let fault = |why: String| VectorError::Point {
        id: id.to_owned(),
        why,
    };
    if let Some(key) = metadata.keys().find(|key| key.starts_with('_')) {
        return Err(fault(format!(
            "the metadata key {key:?} begins with `_`, which is kept for our own"
        )));
    }
    let size = serde_json::to_string(metadata)
        .map_err(|error| fault(format!("the metadata cannot be written: {error}")))?
        .len();
    if size > MAX_METADATA {
        return Err(fault(format!(
            "the metadata has {size} bytes, but at most {MAX_METADATA} are stored"
        )));
    }
    Ok(())
}

/// Scales a vector to length 1; the text says what is wrong with one that cannot be.
pub(super) fn normalise(vector: &mut [f32], dimension: usize) -> Result<(), String> {
    if vector.len() != dimension {
        return Err(format!(
            "the vector has {} numbers, but those of the collection have {dimension}",
            vector.len()
        ));
    }
    if let Some(at) = vector.iter().position(|value| !value.is_finite()) {
        return Err(format!("number {at} of the vector is {}", vector[at]));
    }
    let square: f64 = vector.iter().map(|v| f64::from(*v) * f64::from(*v)).sum();
    if square < 1e-24 {
        return Err("the vector is all zeros and has no direction".to_owned());
    }
    let norm = square.sqrt();
    for value in vector {
        #[expect(clippy::cast_possible_truncation, reason = "at most 1 by size")]
        let scaled = (f64::from(*value) / norm) as f32;
        *value = scaled;
    }
    Ok(())
}
