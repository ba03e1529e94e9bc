//! `lookup`: the passages of a collection that fit a question.
//!
//! The question is encoded and compared by meaning, searched for by its words, or both. All lookups
//! share the encoder of their collection, and with it the batches that it makes of what is asked at
//! the same time; the store works away from the async threads.

mod filter;
mod options;
mod stage;
#[cfg(test)]
mod tests;

pub use filter::{FilterFault, FilterTemplate};
pub use options::{LookupBy, LookupNear, LookupOptions, LookupVector};
pub use stage::LookupStage;
