//! Attention of a layer, as planned.

#![expect(unsafe_code, reason = "pieces write to rows and heads of their own")]

use std::mem;

use super::buffers::Buffers;
use super::cache::KvLayer;
use super::plan::{AttentionPlan, Cut, Task};
use super::rows::Shared;
use super::section::Parts;
use crate::kernels::Kernels;
use crate::kernels::disjoint::Disjoint;
use crate::kernels::simd::{Kernel, Simd};

impl Kernels {
    /// Attention of `q` (rows of `heads * cache.head_dim()` values) over the cache, into `out`, of
    /// the same shape; a query head h reads KV head `h / (heads / kv_heads)`. Keys and values of
    /// the queries' own positions must have been written. Rows of `out` outside all of the plan's
    /// spans keep what they had.
    ///
    /// # Panics
    /// When the cache is not of the plan's shape, or a row or block of its spans lies outside.
    pub fn attention(
        &self,
        plan: &AttentionPlan,
        cache: &KvLayer,
        q: &[f32],
        scale: f32,
        out: &mut [f32],
    ) {
        if plan.spans.len() == 0 {
            return;
        }
        prove(plan, cache, q.len());
        assert_eq!(q.len(), out.len(), "outputs of attention");
        // Another caller at the same time has buffers of its own.
        let mut buffers = mem::take(&mut *self.attention.lock());
        buffers.reach(self.threads(), cache.head_dim(), plan.part_rows);
        let Buffers {
            states,
            vectors,
            desks,
        } = &mut buffers;
        let part_vectors = plan.part_rows * Buffers::width(cache.head_dim());
        let shared = &Shared {
            cache,
            q,
            plan,
            scale,
            out: &Disjoint::new(out),
            parts: &Parts::new(&mut states[..plan.part_rows], &mut vectors[..part_vectors]),
            desks,
        };
        self.run(plan.chunks.len(), |index| Run {
            shared,
            tasks: &plan.tasks[plan.chunks[index].clone()],
        });
        self.run(plan.cuts.len(), |index| Merge {
            shared,
            cut: &plan.cuts[index],
        });
        *self.attention.lock() = buffers;
    }
}

/// That a plan fits a cache and rows of so many values in all.
fn prove(plan: &AttentionPlan, cache: &KvLayer, values: usize) {
    let shape = plan.shape;
    assert_eq!(
        (shape.kv_heads, shape.window),
        (cache.kv_heads(), cache.window()),
        "KV heads and window of the plan and of the cache"
    );
    let width = shape.heads * cache.head_dim();
    assert!(
        values.is_multiple_of(width),
        "{values} values in rows of {width}"
    );
    let (rows, blocks) = (plan.spans.rows(), plan.spans.num_blocks());
    assert!(
        rows <= values / width,
        "spans end at row {rows} of {}",
        values / width
    );
    assert!(
        blocks <= cache.num_blocks(),
        "spans have block {} of {}",
        blocks.saturating_sub(1),
        cache.num_blocks()
    );
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
        // SAFETY: each query row and head is in one piece (`Spans`, `AttentionPlan`), each task in
        // one chunk.
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
