//! Reciprocal rank fusion: lists whose scores cannot be compared are joined by their ranks.
//!
//! G. V. Cormack, C. L. A. Clarke, S. Büttcher, "Reciprocal rank fusion outperforms Condorcet and
//! individual rank learning methods", SIGIR 2009. Ranks count from 0, as Qdrant counts them.

use std::collections::HashMap;
use std::hash::Hash;

/// The paper's constant: how much the first ranks outweigh the later ones.
pub const RRF_K: u32 = 60;

/// Joins lists, each best first: every item scores the sum of `1 / (RRF_K + rank)` over the lists
/// that hold it. The order of the answer is not defined.
pub(super) fn fuse<T: Copy + Eq + Hash>(lists: &[Vec<T>]) -> Vec<(T, f32)> {
    let mut scores: HashMap<T, f32> = HashMap::new();
    for list in lists {
        for (rank, item) in (RRF_K..).zip(list) {
            #[expect(clippy::cast_precision_loss, reason = "ranks are below 2^24")]
            let score = 1.0 / rank as f32;
            *scores.entry(*item).or_default() += score;
        }
    }
    scores.into_iter().collect()
}
