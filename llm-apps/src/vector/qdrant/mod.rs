//! A collection on a Qdrant server, through its own client.
//!
//! A point has two vectors, `dense` (cosine) and `sparse` (how much each word of the text is worth;
//! the server adds how rare a word is), its metadata as the payload, and beside it `_id` and `_text`.
//! The server fuses the two searches (`rrf`), so one call answers. Which encoder made a collection
//! stands in its metadata, which Qdrant keeps from version 1.16 on.

mod convert;
mod filter;
mod index;
mod setup;

pub use index::{QdrantIndex, QdrantOptions};
