//! The walk of query rows over the blocks of their context.

#![expect(unsafe_code, reason = "pieces write to rows and heads of their own")]

use std::array::from_fn;

use super::cache::KvLayer;
use super::span::AttentionSpan;
use crate::kernels::disjoint::Disjoint;
use crate::kernels::simd::{LANES, Simd, exp, max_across, sum_across};
use crate::{BLOCK_SIZE, BlockId};

/// Query rows (a query of one head each) that a piece has at most.
pub(super) const PIECE_ROWS: usize = 32;

/// What all pieces share.
pub(super) struct Shared<'a> {
    pub(super) cache: &'a KvLayer,
    pub(super) heads: usize,
    pub(super) q: &'a [f32],
    pub(super) spans: &'a [AttentionSpan<'a>],
    pub(super) scale: f32,
    pub(super) out: &'a Disjoint<'a, f32>,
}

/// Some queries of a span, some heads of one KV head; at most [`PIECE_ROWS`] rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) span: usize,
    pub(super) first_query: usize,
    pub(super) queries: usize,
    pub(super) kv_head: usize,
    pub(super) first_head: usize,
    pub(super) heads: usize,
}

/// The online softmax of one row; the weighted sum of values is kept in `out`.
#[derive(Clone, Copy)]
struct State {
    max: f32,
    /// Sums of the weights, by position within the blocks.
    sums: [f32; LANES],
}

impl Shared<'_> {
    /// Computes a piece.
    ///
    /// # Safety
    /// No other piece has the same row and head of `out`.
    #[inline(always)]
    pub(super) unsafe fn run<S: Simd>(&self, s: S, piece: Piece) {
        let walk = Walk {
            shared: self,
            piece,
            span: &self.spans[piece.span],
        };
        let rows = piece.queries * piece.heads;
        let mut states = [State {
            max: f32::NEG_INFINITY,
            sums: [0.0; LANES],
        }; PIECE_ROWS];
        for row in 0..rows {
            // SAFETY: the caller's word; nothing else of this piece is alive.
            unsafe { walk.out(row) }.fill(0.0);
        }
        let blocks = walk.context(rows - 1).div_ceil(BLOCK_SIZE);
        for (index, block) in walk.span.block_table[..blocks].iter().enumerate() {
            // Rows are in order of their queries, so those that end before this block come first.
            let mut row = (0..rows)
                .take_while(|row| walk.context(*row) <= index * BLOCK_SIZE)
                .count();
            while row < rows {
                let step = (rows - row).min(S::ATTENTION_ROWS);
                let at = At {
                    index,
                    block: *block,
                    row,
                };
                match step {
                    8.. => walk.rows::<S, 8>(s, at, &mut states),
                    6.. => walk.rows::<S, 6>(s, at, &mut states),
                    4.. => walk.rows::<S, 4>(s, at, &mut states),
                    3 => walk.rows::<S, 3>(s, at, &mut states),
                    2 => walk.rows::<S, 2>(s, at, &mut states),
                    _ => walk.rows::<S, 1>(s, at, &mut states),
                }
                row += [0, 1, 2, 3, 4, 4, 6, 6, 8][step];
            }
        }
        for (row, state) in states[..rows].iter().enumerate() {
            let factor = 1.0 / sum_across(s, s.load(&state.sums));
            // SAFETY: as above.
            for value in unsafe { walk.out(row) } {
                *value *= factor;
            }
        }
    }
}

/// Where a walk stands.
#[derive(Clone, Copy)]
struct At {
    /// Index of the block in the block table.
    index: usize,
    block: BlockId,
    /// First row of the step.
    row: usize,
}

struct Walk<'a> {
    shared: &'a Shared<'a>,
    piece: Piece,
    span: &'a AttentionSpan<'a>,
}

impl Walk<'_> {
    /// One block for `R` rows.
    #[inline(always)]
    fn rows<S: Simd, const R: usize>(&self, s: S, at: At, states: &mut [State; PIECE_ROWS]) {
        if R > S::ATTENTION_ROWS {
            return; // never asked for; keeps its code from being compiled
        }
        let scores = self.scores::<S, R>(s, at);
        let seen: [usize; R] =
            from_fn(|r| BLOCK_SIZE.min(self.context(at.row + r) - at.index * BLOCK_SIZE));
        let mut weights = [[0.0; LANES]; R];
        let mut shrink = [1.0; R];
        for r in 0..R {
            let state = &mut states[at.row + r];
            let score = s.mul(scores[r], s.splat(self.shared.scale));
            let score = s.first(seen[r], score, s.splat(f32::NEG_INFINITY));
            let block_max = max_across(s, score);
            let mut sums = s.load(&state.sums);
            if block_max > state.max {
                let factor = exp(s, s.splat(state.max - block_max));
                sums = s.mul(sums, factor);
                shrink[r] = first_lane(s, factor);
                state.max = block_max;
            }
            let weight = exp(s, s.sub(score, s.splat(state.max)));
            let weight = s.first(seen[r], weight, s.splat(0.0));
            s.store(s.add(sums, weight), &mut state.sums);
            s.store(weight, &mut weights[r]);
        }
        self.add_values::<S, R>(s, at, &seen, &weights, &shrink);
    }

    /// Dot products of the queries with the 16 keys, one chain in order of the dimensions.
    #[inline(always)]
    fn scores<S: Simd, const R: usize>(&self, s: S, at: At) -> [S::F; R] {
        let keys = self.shared.cache.keys(at.block, self.piece.kv_head);
        let queries: [&[f32]; R] = from_fn(|r| {
            let start = self.place(at.row + r);
            &self.shared.q[start..start + keys.len()]
        });
        let mut scores = [s.splat(0.0); R];
        for (d, key) in keys.iter().enumerate() {
            let key = s.load_f16(key);
            for r in 0..R {
                scores[r] = s.mul_add(key, s.splat(queries[r][d]), scores[r]);
            }
        }
        scores
    }

    /// `out = out * shrink + weights * values`, position by position. A row takes the positions
    /// that it sees and no other, whatever lies in them.
    #[inline(always)]
    fn add_values<S: Simd, const R: usize>(
        &self,
        s: S,
        at: At,
        seen: &[usize; R],
        weights: &[[f32; LANES]; R],
        shrink: &[f32; R],
    ) {
        let values = self.shared.cache.values(at.block, self.piece.kv_head);
        let head_dim = self.shared.cache.head_dim();
        // The first row has the fewest positions.
        let common = seen[0];
        // SAFETY: rows are different, and the piece is this thread's own.
        let mut outs: [&mut [f32]; R] = from_fn(|r| unsafe { self.out(at.row + r) });
        for d in (0..head_dim).step_by(LANES) {
            let mut sums = [s.splat(0.0); R];
            for r in 0..R {
                let out = chunk(&mut outs[r], d);
                sums[r] = s.mul(s.load(out), s.splat(shrink[r]));
            }
            for (position, row) in values.chunks_exact(head_dim).enumerate().take(common) {
                let value = s.load_f16(half_chunk(row, d));
                for r in 0..R {
                    sums[r] = s.mul_add(value, s.splat(weights[r][position]), sums[r]);
                }
            }
            for r in 0..R {
                for position in common..seen[r] {
                    let value = s.load_f16(half_chunk(&values[position * head_dim..], d));
                    sums[r] = s.mul_add(value, s.splat(weights[r][position]), sums[r]);
                }
                s.store(sums[r], chunk(&mut outs[r], d));
            }
        }
    }

    /// Positions that a row sees.
    #[inline(always)]
    fn context(&self, row: usize) -> usize {
        self.span.context_start + self.piece.first_query + row / self.piece.heads + 1
    }

    /// Where a row begins in `q` and `out`.
    #[inline(always)]
    fn place(&self, row: usize) -> usize {
        let query = self.span.q_start + self.piece.first_query + row / self.piece.heads;
        let head = self.piece.first_head + row % self.piece.heads;
        (query * self.shared.heads + head) * self.shared.cache.head_dim()
    }

    /// # Safety
    /// The row is in no other piece, and not in use.
    #[inline(always)]
    unsafe fn out(&self, row: usize) -> &mut [f32] {
        // SAFETY: the caller's word.
        unsafe {
            self.shared
                .out
                .part(self.place(row), self.shared.cache.head_dim())
        }
    }
}

#[inline(always)]
fn first_lane<S: Simd>(s: S, v: S::F) -> f32 {
    let mut lanes = [0.0; LANES];
    s.store(v, &mut lanes);
    lanes[0]
}

/// Sixteen values from `start` on.
#[inline(always)]
fn chunk(values: &mut [f32], start: usize) -> &mut [f32; LANES] {
    &mut values.as_chunks_mut().0[start / LANES]
}

/// Sixteen stored values from `start` on.
#[inline(always)]
fn half_chunk(values: &[u16], start: usize) -> &[u16; LANES] {
    &values.as_chunks().0[start / LANES]
}
