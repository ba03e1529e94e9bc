//! What attention computes: spans of queries.

#![expect(unsafe_code, reason = "pieces write to rows and heads of their own")]

use super::cache::KvLayer;
use super::plan::{Cut, Machine, Plan, Task};
use super::rows::Shared;
use super::section::Parts;
use super::state::State;
use crate::kernels::Kernels;
use crate::kernels::disjoint::Disjoint;
use crate::kernels::simd::{Kernel, LANES, Simd, dispatch};
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
        let machine = Machine {
            threads: self.threads(),
            register_rows: dispatch(self.isa(), RegisterRows),
        };
        let plan = &Plan::of(machine, cache, spans);
        let mut states = vec![State::NOTHING; plan.part_rows];
        let mut vectors = vec![[0.0; LANES]; plan.part_rows * cache.head_dim() / LANES];
        let shared = &Shared {
            cache,
            q,
            spans,
            plan,
            scale,
            out: &Disjoint::new(out),
            parts: &Parts::new(&mut states, &mut vectors),
        };
        self.run(plan.chunks.len(), |index| Run {
            shared,
            tasks: &plan.tasks[plan.chunks[index].clone()],
        });
        self.run(plan.cuts.len(), |index| Merge {
            shared,
            cut: &plan.cuts[index],
        });
    }
}

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

/// Some tasks, to be compiled for each instruction set.
struct Run<'a> {
    shared: &'a Shared<'a>,
    tasks: &'a [Task],
}

impl Kernel for Run<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: each query row and head is in one piece (`prove`, `Plan`), each task in one chunk.
        unsafe { self.shared.run(s, self.tasks) }
    }
}

/// The end of a piece whose sections were computed apart.
struct Merge<'a> {
    shared: &'a Shared<'a>,
    cut: &'a Cut,
}

impl Kernel for Merge<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: all tasks have ended before the first merge begins, and each piece is cut once.
        unsafe { self.shared.merge(s, self.cut) }
    }
}
