//! Points to what the server stores, and back.

use std::collections::HashMap;

use qdrant_client::Payload;
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::vector::Vector as VectorKind;
use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::{
    DenseVector, NamedVectors, PointId, PointStruct, SparseVector, Value, Vector, Vectors,
};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use uuid::Builder;

use crate::vector::point::{Metadata, Point, Record};
use crate::vector::terms::{Terms, occurrence_weight};

/// The name of the encoder's vector.
pub(super) const DENSE: &str = "dense";
/// The name of the words' vector.
pub(super) const SPARSE: &str = "sparse";

/// Where a payload has the point's id.
const ID: &str = "_id";
/// Where a payload has the text.
const TEXT: &str = "_text";

/// Words of an average text: the server cannot know it when a text is stored, so it is fixed at what
/// ingestion's chunks have. It moves how much long texts are held back, not what is found.
const AVERAGE_WORDS: f32 = 160.0;

/// A server's ids are numbers or UUIDs, so ours are hashed; the payload has them as they are.
pub(super) fn point_id(id: &str) -> PointId {
    let digest: [u8; 32] = Sha256::digest(id.as_bytes()).into();
    let (bytes, _) = digest.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    from_uuid(Builder::from_custom_bytes(*bytes).into_uuid().to_string())
}

/// The place of a page's start.
pub(super) fn from_uuid(uuid: String) -> PointId {
    PointId {
        point_id_options: Some(PointIdOptions::Uuid(uuid)),
    }
}

/// The text of an id of ours.
pub(super) fn to_uuid(id: PointId) -> Option<String> {
    match id.point_id_options? {
        PointIdOptions::Uuid(uuid) => Some(uuid),
        PointIdOptions::Num(_) => None,
    }
}

/// A proved point as the server stores it.
pub(super) fn to_server(point: Point) -> PointStruct {
    let sparse = document_vector(&point.text);
    let dense = VectorKind::Dense(DenseVector { data: point.vector });
    let vectors = [(DENSE, dense), (SPARSE, VectorKind::Sparse(sparse))];
    let vectors = vectors.into_iter().map(|(name, vector)| {
        let vector = Vector {
            vector: Some(vector),
            ..Vector::default()
        };
        (name.to_owned(), vector)
    });
    PointStruct {
        id: Some(point_id(&point.id)),
        payload: payload(point.id, point.text, point.metadata),
        vectors: Some(Vectors {
            vectors_options: Some(VectorsOptions::Vectors(NamedVectors {
                vectors: vectors.collect(),
            })),
        }),
    }
}

/// A point's payload.
pub(super) fn payload(id: String, text: String, mut metadata: Metadata) -> HashMap<String, Value> {
    metadata.insert(ID.to_owned(), Json::String(id));
    metadata.insert(TEXT.to_owned(), Json::String(text));
    Payload::from(metadata).into()
}

/// A payload as a record; `None` where it is none of ours.
pub(super) fn record(payload: HashMap<String, Value>) -> Option<Record> {
    let (mut id, mut text, mut metadata) = (None, None, Metadata::new());
    for (key, value) in payload {
        match (key.as_str(), Json::from(value)) {
            (ID, Json::String(value)) => id = Some(value),
            (TEXT, Json::String(value)) => text = Some(value),
            (_, value) => {
                metadata.insert(key, value);
            }
        }
    }
    Some(Record {
        id: id?,
        text: text?,
        metadata,
    })
}

/// The words of a question: each is worth the same. `None` when there are none.
pub(super) fn question_vector(text: &str) -> Option<SparseVector> {
    let indices = Terms::question(text);
    (!indices.is_empty()).then(|| SparseVector {
        values: vec![1.0; indices.len()],
        indices,
    })
}

fn document_vector(text: &str) -> SparseVector {
    let terms = Terms::of(text);
    let weigh = |count: &u16| occurrence_weight(*count, terms.length, AVERAGE_WORDS);
    SparseVector {
        values: terms.counts.values().map(weigh).collect(),
        indices: terms.counts.keys().copied().collect(),
    }
}
