//! What attention computes: spans of queries, cut into pieces for the threads.

#![expect(unsafe_code, reason = "pieces write to rows and heads of their own")]

use super::cache::KvLayer;
use super::rows::{PIECE_ROWS, Piece, Shared};
use crate::kernels::Kernels;
use crate::kernels::disjoint::Disjoint;
use crate::kernels::simd::{Kernel, Simd, dispatch};
use crate::{BLOCK_SIZE, BlockId};

/// Consecutive queries of one sequence. Query i has position `context_start + i` and sees the
/// positions up to its own (causal), as many as the layer's window holds.
#[derive(Debug, Clone, Copy)]
pub struct AttentionSpan<'a> {
    /// Query heads in a row; the same for all spans of a call.
    pub heads: usize,
    /// Row of the first query in `q`.
    pub q_start: usize,
    /// Queries.
    pub q_len: usize,
    /// Position of the first query.
    pub context_start: usize,
    /// Blocks of the sequence, enough for `context_start + q_len` positions.
    pub block_table: &'a [BlockId],
}

impl Kernels {
    /// Attention of `q` (rows of `heads * cache.head_dim()` values) over the cache, into `out`, of
    /// the same shape; a query head h reads KV head `h / (heads / kv_heads)`. Keys and values of
    /// the queries' own positions must have been written. Rows of `out` outside all spans keep what
    /// they had.
    ///
    /// # Panics
    /// When the heads are not a multiple of the KV heads or differ between spans, a row, position
    /// or block lies outside, or spans are not in ascending order of their rows, or overlap.
    pub fn attention(
        &self,
        cache: &KvLayer,
        q: &[f32],
        spans: &[AttentionSpan<'_>],
        scale: f32,
        out: &mut [f32],
    ) {
        let Some(heads) = spans.first().map(|span| span.heads) else {
            return;
        };
        prove(cache, heads, q.len(), spans);
        assert_eq!(q.len(), out.len(), "outputs of attention");
        let pieces = self.cut(cache.kv_heads(), heads / cache.kv_heads(), spans);
        let shared = Shared {
            cache,
            heads,
            q,
            spans,
            scale,
            out: &Disjoint::new(out),
        };
        let shared = &shared;
        self.run(pieces.len(), |index| Run {
            shared,
            piece: pieces[index],
        });
    }

    /// Pieces of a size that keeps the registers full; smaller ones where there are too few.
    fn cut(&self, kv_heads: usize, group: usize, spans: &[AttentionSpan<'_>]) -> Vec<Piece> {
        let registers = dispatch(self.isa(), RegisterRows);
        let rows = PIECE_ROWS.min(registers * QUERY_REUSE);
        let whole: usize = spans.iter().map(|span| span.q_len * kv_heads).sum();
        // Too few pieces for the threads: the heads of a group go apart.
        let parts = self.threads().div_ceil(whole.max(1)).min(group);
        let head_step = group.div_ceil(parts).min(rows);
        let query_step = rows / head_step;
        let mut pieces = Vec::new();
        for (span, AttentionSpan { q_len, .. }) in spans.iter().enumerate() {
            for first in (0..*q_len).step_by(query_step) {
                for kv_head in 0..kv_heads {
                    for head in (0..group).step_by(head_step) {
                        pieces.push(Piece {
                            span,
                            first_query: first,
                            queries: query_step.min(q_len - first),
                            kv_head,
                            first_head: kv_head * group + head,
                            heads: head_step.min(group - head),
                        });
                    }
                }
            }
        }
        // Later queries have longer contexts: they go first, so that no thread ends alone with one.
        pieces.reverse();
        pieces
    }
}

/// How many registers' worth of query rows read a block of keys while it is in the first cache.
const QUERY_REUSE: usize = 6;

fn prove(cache: &KvLayer, heads: usize, values: usize, spans: &[AttentionSpan<'_>]) {
    let kv_heads = cache.kv_heads();
    assert!(
        heads > 0 && kv_heads > 0 && heads.is_multiple_of(kv_heads),
        "{heads} query heads share {kv_heads} KV heads"
    );
    let width = heads * cache.head_dim();
    assert!(
        values.is_multiple_of(width),
        "{values} values in rows of {width}"
    );
    let mut next = 0;
    for span in spans {
        assert_eq!(span.heads, heads, "query heads of all spans");
        assert!(
            span.q_start >= next,
            "spans out of order at row {}",
            span.q_start
        );
        next = span.q_start + span.q_len;
        assert!(
            next <= values / width,
            "span ends at row {next} of {}",
            values / width
        );
        let blocks = (span.context_start + span.q_len).div_ceil(BLOCK_SIZE);
        assert!(
            blocks <= span.block_table.len(),
            "{blocks} blocks in {:?}",
            span.block_table
        );
        for block in &span.block_table[..blocks] {
            assert!(
                (block.0 as usize) < cache.num_blocks(),
                "{block:?} of {}",
                cache.num_blocks()
            );
        }
    }
}

/// Asks an instruction set for its rows.
struct RegisterRows;

impl Kernel for RegisterRows {
    type Output = usize;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> usize {
        S::ATTENTION_ROWS
    }
}

/// One piece, to be compiled for each instruction set.
struct Run<'a> {
    shared: &'a Shared<'a>,
    piece: Piece,
}

impl Kernel for Run<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: each query row and head is in one piece (`prove`, `cut`).
        unsafe { self.shared.run(s, self.piece) }
    }
}
