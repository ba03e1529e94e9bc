//! From fused rows of queries, keys and values to attention: norms over heads, the rotary embedding,
//! and the writing of the cache, in one pass.

#![expect(unsafe_code, reason = "pieces write to rows and heads of their own")]

use std::ops::Range;

use super::cache::{HeadsMut, KvLayer, KvSlot};
use super::stored::store;
use super::write::prove;
use crate::kernels::Kernels;
use crate::kernels::context::CHUNKS_PER_THREAD;
use crate::kernels::disjoint::Disjoint;
use crate::kernels::ops::{RopeTable, norm_in_place};
use crate::kernels::simd::{Kernel, Simd};

/// What the rows of a step are to attention.
#[derive(Debug, Clone, Copy)]
pub struct HeadRows<'a> {
    /// Query heads in a row.
    pub heads: usize,
    /// Each row's position.
    pub positions: &'a [u32],
    /// Where each row's key and value go.
    pub slots: &'a [KvSlot],
    /// How positions turn.
    pub table: &'a RopeTable,
    /// Norms before turning.
    pub norms: Option<HeadNorms<'a>>,
}

/// Norms over each head of queries and keys.
#[derive(Debug, Clone, Copy)]
pub struct HeadNorms<'a> {
    /// A weight for each value of a query head.
    pub query: &'a [f32],
    /// A weight for each value of a key head.
    pub key: &'a [f32],
    /// Keeps the roots from being zero.
    pub eps: f32,
}

impl Kernels {
    /// Takes fused rows apart (each `heads` queries, then the keys, then the values of the cache's
    /// heads): norms and turns queries and keys, puts the queries into `q`, and stores keys and values
    /// in the cache, rounded to its precision. What is left of the keys in `qkv` means nothing.
    ///
    /// # Panics
    /// When shapes do not fit each other, a slot lies outside the cache, or a position beyond the
    /// table.
    pub fn rope_and_store(
        &self,
        qkv: &mut [f32],
        rows: &HeadRows<'_>,
        cache: &mut KvLayer,
        q: &mut [f32],
    ) {
        let (kv_heads, head_dim) = (cache.kv_heads(), cache.head_dim());
        let (count, width) = (rows.positions.len(), (rows.heads + 2 * kv_heads) * head_dim);
        assert_eq!(qkv.len(), count * width, "fused rows of {width} values");
        assert_eq!(q.len(), count * rows.heads * head_dim, "queries");
        assert_eq!(rows.slots.len(), count, "a slot for each row");
        let pairs = rows.table.pairs();
        assert!(
            2 * pairs <= head_dim,
            "{pairs} pairs in a head of {head_dim}"
        );
        if let Some(norms) = rows.norms {
            let lens = [norms.query.len(), norms.key.len()];
            assert_eq!(lens, [head_dim; 2], "weights of the norms over heads");
        }
        if count == 0 {
            return;
        }
        prove(cache, rows.slots);
        let chunks = match qkv.len() < SERIAL_VALUES {
            true => 1,
            false => self.threads() * CHUNKS_PER_THREAD,
        };
        let task = Task {
            rows,
            width,
            head_dim,
            kv_heads,
            query_rows: count.div_ceil(chunks),
            parts: chunks.div_ceil(kv_heads),
            qkv: Disjoint::new(qkv),
            q: Disjoint::new(q),
            to: cache.heads_mut(),
        };
        let pieces = task.query_pieces() + kv_heads * task.parts;
        // Alone, one thread does all pieces; else each is a chunk.
        let share = if chunks == 1 { pieces } else { 1 };
        self.run(pieces.div_ceil(share), |chunk| Pieces {
            task: &task,
            pieces: chunk * share..((chunk + 1) * share).min(pieces),
        });
    }
}

/// Values below which a step's rows are not worth another thread.
const SERIAL_VALUES: usize = 8 * 1024;

/// What all pieces share.
struct Task<'a> {
    rows: &'a HeadRows<'a>,
    /// Values in a fused row.
    width: usize,
    head_dim: usize,
    kv_heads: usize,
    /// Rows of a piece of the queries.
    query_rows: usize,
    /// Pieces of a KV head: each has the blocks whose number leaves its own as remainder.
    parts: usize,
    qkv: Disjoint<'a, f32>,
    q: Disjoint<'a, f32>,
    to: HeadsMut<'a>,
}

/// First the pieces of the queries, then those of each KV head.
struct Pieces<'a> {
    task: &'a Task<'a>,
    pieces: Range<usize>,
}

impl Kernel for Pieces<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let task = self.task;
        for piece in self.pieces {
            match piece.checked_sub(task.query_pieces()) {
                None => task.queries(s, piece),
                Some(piece) => task.keys_and_values(s, piece / task.parts, piece % task.parts),
            }
        }
    }
}

impl Task<'_> {
    fn query_pieces(&self) -> usize {
        self.rows.positions.len().div_ceil(self.query_rows)
    }

    #[inline(always)]
    fn queries<S: Simd>(&self, s: S, piece: usize) {
        let count = self.rows.positions.len();
        let len = self.rows.heads * self.head_dim;
        let first = piece * self.query_rows;
        for row in first..count.min(first + self.query_rows) {
            // SAFETY: a row's queries are in one piece.
            let from = unsafe { self.qkv.part(row * self.width, len) };
            // SAFETY: as above.
            let to = unsafe { self.q.part(row * len, len) };
            to.copy_from_slice(from);
            if let Some(norms) = self.rows.norms {
                for head in to.chunks_exact_mut(self.head_dim) {
                    norm_in_place(s, head, norms.query, norms.eps);
                }
            }
            let position = self.rows.positions[row];
            self.rows.table.turn(to, self.head_dim, position);
        }
    }

    #[inline(always)]
    fn keys_and_values<S: Simd>(&self, s: S, head: usize, part: usize) {
        let at = (self.rows.heads + head) * self.head_dim;
        let to_value = self.kv_heads * self.head_dim;
        for (row, slot) in self.rows.slots.iter().enumerate() {
            if slot.block.0 as usize % self.parts != part {
                continue;
            }
            let key = row * self.width + at;
            // SAFETY: a row's slot is in one block, so each of its heads is in one piece.
            let k = unsafe { self.qkv.part(key, self.head_dim) };
            // SAFETY: as above.
            let v = unsafe { self.qkv.part(key + to_value, self.head_dim) };
            if let Some(norms) = self.rows.norms {
                norm_in_place(s, k, norms.key, norms.eps);
            }
            let position = self.rows.positions[row];
            self.rows.table.turn(k, self.head_dim, position);
            // SAFETY: a head of a block is written in one piece.
            let to = unsafe { self.to.head(slot.block, head) };
            store(s, self.to.shape().dtype, [k, v], slot.offset, to);
        }
    }
}

#[cfg(test)]
mod tests;
