//! Collections of passages that are found again by meaning and by words.
//!
//! [`VectorIndex`] is the one interface. [`EmbeddedIndex`] keeps a collection in a folder of this
//! machine and compares every vector; [`QdrantIndex`] asks a Qdrant server. Both mean the same by
//! every call, which one set of tests holds for both.
//!
//! A [`Point`] is a passage with its vector and its metadata. A search goes by vector (cosine
//! similarity), by words (BM25), or by both: then the two lists are fused by the ranks
//! ([`RRF_K`]). [`Filter`]s on metadata are named and written as in Qdrant. Vectors come from a
//! [`TextEncoder`].

mod collection;
mod embedded;
mod encoder;
mod error;
mod filter;
mod fusion;
mod index;
mod point;
mod qdrant;
mod request;
mod terms;

#[cfg(test)]
mod tests;

pub use collection::CollectionIdentity;
pub use embedded::{EmbeddedIndex, EmbeddedOptions};
pub use encoder::TextEncoder;
pub use error::VectorError;
pub use filter::{Condition, Filter, Match, Range, Scalar};
pub use fusion::RRF_K;
pub use index::{Answer, VectorIndex};
pub use point::{Hit, Metadata, Point, Record, SOURCE};
pub use qdrant::{QdrantIndex, QdrantOptions};
pub use request::{MAX_LIMIT, Near, Query, ScrollPage, ScrollRequest, SearchRequest};
