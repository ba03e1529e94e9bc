//! Which spans begin with the same blocks, so that what they share is read once for all of them
//! (cascade: Ye et al., FlashInfer, 2024; Juravsky et al., Hydragen, 2024).

use super::span::AttentionSpan;
use super::stretch::{STRETCH, STRETCH_LEN};
use crate::BlockId;

/// Spans that walk together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// Indices of the spans.
    pub(super) spans: Vec<usize>,
    /// Stretches, the first ones, that all have in the same blocks and all of whose rows see up to
    /// their end; 0 for one span.
    pub(super) shared: usize,
}

/// Puts spans together that share stretches and have at most `most` queries all in all; each other
/// span is a group of its own. Spans keep their order, but for those that share.
pub(super) fn groups(spans: &[AttentionSpan<'_>], most: usize) -> Vec<Group> {
    let mut few: Vec<usize> = (0..spans.len())
        .filter(|span| spans[*span].q_len * 2 <= most)
        .collect();
    // Neighbours of this order share most.
    few.sort_by_key(|span| before(&spans[*span]));
    let mut together: Vec<Group> = Vec::new();
    let mut queries = 0;
    for span in few {
        let q_len = spans[span].q_len;
        if let Some(group) = together.last_mut()
            && queries + q_len <= most
            && let Some(shared) = joined(group, span, spans)
        {
            group.spans.push(span);
            group.shared = shared;
            queries += q_len;
        } else {
            together.push(Group {
                spans: vec![span],
                shared: 0,
            });
            queries = q_len;
        }
    }
    let mut alone = vec![true; spans.len()];
    together.retain(|group| group.spans.len() > 1);
    for span in together.iter().flat_map(|group| &group.spans) {
        alone[*span] = false;
    }
    let alone = (0..spans.len()).filter(|span| alone[*span]);
    together.extend(alone.map(|span| Group {
        spans: vec![span],
        shared: 0,
    }));
    together
}

/// Stretches that a group would share with one more span, if that saves more reading than without.
fn joined(group: &Group, span: usize, spans: &[AttentionSpan<'_>]) -> Option<usize> {
    let last = *group.spans.last()?;
    let (last, next) = (before(&spans[last]), before(&spans[span]));
    let same = last.iter().zip(next).take_while(|(a, b)| a == b).count() / STRETCH;
    let shared = match group.spans.len() {
        1 => same,
        _ => same.min(group.shared),
    };
    let members = group.spans.len();
    (shared * members > group.shared * (members - 1)).then_some(shared)
}

/// Blocks of the whole stretches before a span's queries.
fn before<'a>(span: &AttentionSpan<'a>) -> &'a [BlockId] {
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
        let spans: Vec<AttentionSpan<'_>> = tables
            .iter()
            .enumerate()
            .map(|(index, table)| AttentionSpan {
                heads: 1,
                q_start: index,
                q_len: 1,
                context_start: table.len() * crate::BLOCK_SIZE - 1,
                block_table: table,
            })
            .collect();
        let groups = groups(&spans, most);
        groups
            .into_iter()
            .map(|group| (group.spans, group.shared))
            .collect()
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
