//! What attention computes: spans of queries.

use std::ops::Range;

use crate::{BLOCK_SIZE, BlockId};

/// Consecutive queries of one sequence. Query i has position `context_start + i` and sees the
/// positions up to its own (causal), as many as the layer's window holds.
#[derive(Debug, Clone, Copy)]
pub struct AttentionSpan<'a> {
    /// Row of the first query.
    pub q_start: usize,
    /// Queries.
    pub q_len: usize,
    /// Position of the first query.
    pub context_start: usize,
    /// Blocks of the sequence, enough for `context_start + q_len` positions.
    pub block_table: &'a [BlockId],
}

/// The spans of a plan, proved and copied: nobody can change them under it.
#[derive(Debug, Default)]
pub(super) struct Spans {
    spans: Vec<Span>,
    /// Those that the spans' positions lie in, table after table.
    blocks: Vec<BlockId>,
    /// One more than the last row.
    rows: usize,
    /// One more than the largest block.
    num_blocks: usize,
}

#[derive(Debug)]
struct Span {
    q_start: usize,
    q_len: usize,
    context_start: usize,
    /// In [`Spans::blocks`].
    blocks: Range<usize>,
}

impl Spans {
    /// Takes other spans in place of those before.
    ///
    /// # Panics
    /// When they are not in ascending order of their rows, overlap, or have too few blocks.
    pub(super) fn set<'s>(&mut self, spans: impl IntoIterator<Item = AttentionSpan<'s>>) {
        self.spans.clear();
        self.blocks.clear();
        (self.rows, self.num_blocks) = (0, 0);
        for span in spans {
            self.push(&span);
        }
    }

    fn push(&mut self, span: &AttentionSpan<'_>) {
        assert!(
            span.q_start >= self.rows,
            "spans out of order at row {}",
            span.q_start
        );
        let blocks = (span.context_start + span.q_len).div_ceil(BLOCK_SIZE);
        assert!(
            blocks <= span.block_table.len(),
            "{blocks} blocks in {:?}",
            span.block_table
        );
        let table = &span.block_table[..blocks];
        let most = table.iter().map(|block| block.0 as usize + 1).max();
        self.num_blocks = self.num_blocks.max(most.unwrap_or(0));
        self.rows = span.q_start + span.q_len;
        let first = self.blocks.len();
        self.blocks.extend_from_slice(table);
        self.spans.push(Span {
            q_start: span.q_start,
            q_len: span.q_len,
            context_start: span.context_start,
            blocks: first..self.blocks.len(),
        });
    }

    /// One of them; its table ends with the block of its last position.
    #[inline(always)]
    pub(super) fn get(&self, index: usize) -> AttentionSpan<'_> {
        let span = &self.spans[index];
        AttentionSpan {
            q_start: span.q_start,
            q_len: span.q_len,
            context_start: span.context_start,
            block_table: &self.blocks[span.blocks.clone()],
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = AttentionSpan<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }

    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Rows that there must be.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Blocks that a cache must have.
    pub(super) fn num_blocks(&self) -> usize {
        self.num_blocks
    }
}
