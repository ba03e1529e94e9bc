//! Which spans begin with the same blocks, so that what they share is read once for all of them
//! (cascade: Ye et al., FlashInfer, 2024; Juravsky et al., Hydragen, 2024).

use std::ops::Range;

use super::span::{AttentionSpan, Spans};
use super::stretch::{STRETCH, STRETCH_LEN};
use crate::BlockId;

/// Spans that walk together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// Their indices, in [`Groups::order`].
    pub(super) spans: Range<usize>,
    /// Stretches, the first ones, that all have in the same blocks and all of whose rows see up to
    /// their end; 0 for one span.
    pub(super) shared: usize,
}

/// All groups of a plan; each span is in one.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Indices of the spans: those that have few queries, neighbours by what they share, then those
    /// that walk alone.
    pub(super) order: Vec<usize>,
    pub(super) groups: Vec<Group>,
    /// Of each span, whether it walks alone.
    alone: Vec<bool>,
}

impl Groups {
    /// Puts spans together that share stretches and have at most `most` queries all in all; each
    /// other span is a group of its own. Spans keep their order, but for those that share.
    pub(super) fn find(&mut self, spans: &Spans, most: usize) {
        let Self {
            order,
            groups,
            alone,
        } = self;
        groups.clear();
        order.clear();
        order.extend((0..spans.len()).filter(|span| spans.get(*span).q_len * 2 <= most));
        // Neighbours of this order share most.
        order.sort_unstable_by(|a, b| {
            let tables = before(spans.get(*a)).cmp(before(spans.get(*b)));
            tables.then(a.cmp(b))
        });
        let mut queries = 0;
        for (at, span) in order.iter().enumerate() {
            let q_len = spans.get(*span).q_len;
            if let Some(group) = groups.last_mut()
                && queries + q_len <= most
                && let Some(shared) = joined(group, order, spans)
            {
                group.spans.end += 1;
                group.shared = shared;
                queries += q_len;
            } else {
                groups.push(Group {
                    spans: at..at + 1,
                    shared: 0,
                });
                queries = q_len;
            }
        }
        groups.retain(|group| group.spans.len() > 1);
        alone.clear();
        alone.resize(spans.len(), true);
        for group in &*groups {
            for span in &order[group.spans.clone()] {
                alone[*span] = false;
            }
        }
        for span in (0..spans.len()).filter(|span| alone[*span]) {
            groups.push(Group {
                spans: order.len()..order.len() + 1,
                shared: 0,
            });
            order.push(span);
        }
    }
}

/// Stretches that a group would share with the next span too, if that saves more reading than
/// without.
fn joined(group: &Group, order: &[usize], spans: &Spans) -> Option<usize> {
    let (last, next) = (group.spans.end - 1, group.spans.end);
    let (last, next) = (spans.get(order[last]), spans.get(order[next]));
    let same = before(last).iter().zip(before(next));
    let same = same.take_while(|(a, b)| a == b).count() / STRETCH;
    let members = group.spans.len();
    let shared = match members {
        1 => same,
        _ => same.min(group.shared),
    };
    (shared * members > group.shared * (members - 1)).then_some(shared)
}

/// Blocks of the whole stretches before a span's queries.
fn before(span: AttentionSpan<'_>) -> &[BlockId] {
    &span.block_table[..span.context_start / STRETCH_LEN * STRETCH]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grouped(tables: &[&[u32]], most: usize) -> Vec<(Vec<usize>, usize)> {
        let tables: Vec<Vec<BlockId>> = tables
            .iter()
            .map(|stretches| {
                // A stretch's number to its blocks.
                let blocks = stretches.iter().flat_map(|at| (at * 4..).take(STRETCH));
                blocks.map(BlockId).collect()
            })
            .collect();
        let of = tables
            .iter()
            .enumerate()
            .map(|(index, table)| AttentionSpan {
                q_start: index,
                q_len: 1,
                context_start: table.len() * crate::BLOCK_SIZE - 1,
                block_table: table,
            });
        let (mut spans, mut found) = (Spans::default(), Groups::default());
        spans.set(of);
        // What an earlier plan has left does not matter.
        found.find(&spans, 3);
        found.find(&spans, most);
        let of = |group: &Group| (found.order[group.spans.clone()].to_vec(), group.shared);
        found.groups.iter().map(of).collect()
    }

    #[test]
    fn spans_of_one_prefix_walk_together() {
        let tables: [&[u32]; 5] = [&[1, 2, 3], &[7, 8], &[1, 2, 4], &[9], &[1, 2, 3, 5]];
        assert_eq!(
            grouped(&tables, 8),
            [(vec![0, 2, 4], 2), (vec![1], 0), (vec![3], 0)]
        );
    }

    #[test]
    fn the_stretch_of_a_query_is_not_shared() {
        // Both have written their own position into the last block's place.
        assert_eq!(grouped(&[&[1], &[1]], 8), [(vec![0], 0), (vec![1], 0)]);
    }

    #[test]
    fn a_group_does_not_give_up_a_long_prefix_for_a_short_one() {
        let tables: [&[u32]; 4] = [&[1, 2, 3, 0], &[1, 2, 3, 9], &[1, 5, 5], &[1, 5, 6]];
        assert_eq!(grouped(&tables, 8), [(vec![0, 1], 3), (vec![2, 3], 2)]);
    }

    #[test]
    fn groups_hold_no_more_queries_than_fit() {
        let tables: [&[u32]; 5] = [&[1, 2]; 5];
        assert_eq!(
            grouped(&tables, 2),
            [(vec![0, 1], 1), (vec![2, 3], 1), (vec![4], 0)]
        );
        assert_eq!(grouped(&tables[..2], 1), [(vec![0], 0), (vec![1], 0)]);
    }
}
