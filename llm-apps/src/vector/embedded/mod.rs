//! A collection in a folder of this machine: redb on disk, a scan of all vectors in memory.
//!
//! On disk (`tables`) are vectors, records, and the postings of every word, in one ACID file that
//! survives a kill at any moment. In memory (`resident`) is what every search touches: the vectors
//! as bytes (`codes`), the values of the metadata (`columns`), the texts' lengths. A search takes
//! the points that pass the filter (a `mask`), scans their bytes, and computes the best few hundred
//! again from the vectors on disk, so its answers are those of the exact search but for points whose
//! similarity to the question differs by less than the bytes can tell. There is no graph to build
//! and no parameter to tune; `benches/search.rs` measures time and recall.
//!
//! Searches see the state after some whole write: what is in memory goes with one read transaction
//! of the file, and both are replaced together. Work runs on threads that may block.

mod changes;
mod codes;
mod columns;
mod index;
mod lexical;
mod load;
mod mask;
mod record;
mod resident;
mod search;
mod store;
mod tables;
mod write;

#[cfg(test)]
mod tests;

pub use index::{EmbeddedIndex, EmbeddedOptions};
