//! `rerank`: the passages that were found, ordered by how well they answer.
//!
//! A lookup compares vectors that were made one by one. A classifier with one label that was trained on
//! pairs (a cross-encoder) reads question and passage together and judges better, at the cost of a pass
//! for each passage. An encoder compares as a lookup does; it is for passages that came by other ways.

mod options;
mod stage;
#[cfg(test)]
mod tests;

pub use options::{RerankBy, RerankOptions};
pub use stage::RerankStage;
