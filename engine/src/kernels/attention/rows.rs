//! The walk of query rows over the blocks of their context.

#![expect(unsafe_code, reason = "pieces write to rows and heads of their own")]

use super::cache::KvLayer;
use super::span::AttentionSpan;
use super::stretch::{STRETCH, STRETCH_LEN, Step};
use crate::kernels::disjoint::Disjoint;
use crate::kernels::simd::{LANES, Simd};
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

/// The rows of a piece.
pub(super) type States = [State; PIECE_ROWS];

/// The online softmax of one row; the weighted sum of values is kept in `out`.
#[derive(Clone, Copy)]
pub(super) struct State {
    pub(super) max: f32,
    /// Sums of the weights, by position within the blocks.
    pub(super) sums: [f32; LANES],
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
        let stretches = walk.span.block_table[..blocks].chunks(STRETCH).enumerate();
        for (index, blocks) in stretches.skip(walk.unseen(0) / STRETCH_LEN) {
            let start = index * STRETCH_LEN;
            // Rows are in order of their queries: those that end before this stretch come first,
            // those whose window begins after it come last.
            let mut row = walk.rows_while(0, rows, |row| walk.context(row) <= start);
            let end = walk.rows_while(row, rows, |row| walk.unseen(row) < start + STRETCH_LEN);
            while row < end {
                let at = At { start, blocks, row };
                row += walk.step(s, at, (end - row).min(S::ATTENTION_ROWS), &mut states);
            }
        }
        for (row, state) in states[..rows].iter().enumerate() {
            let factor = 1.0 / s.sum_lanes(s.load(&state.sums));
            // SAFETY: as above.
            for value in unsafe { walk.out(row) } {
                *value *= factor;
            }
        }
    }
}

/// Where a walk stands.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    /// First position of the stretch.
    pub(super) start: usize,
    /// Its blocks, up to [`STRETCH`].
    pub(super) blocks: &'a [BlockId],
    /// First row of the step.
    pub(super) row: usize,
}

/// A piece on its way through its context.
pub(super) struct Walk<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) piece: Piece,
    span: &'a AttentionSpan<'a>,
}

impl Walk<'_> {
    /// One stretch for some rows, at most `most`; gives their number.
    #[inline(always)]
    fn step<S: Simd>(&self, s: S, at: At<'_>, most: usize, states: &mut States) -> usize {
        match most {
            8.. => self.rows::<S, 8>(s, at, states),
            6.. => self.rows::<S, 6>(s, at, states),
            4.. => self.rows::<S, 4>(s, at, states),
            3 => self.rows::<S, 3>(s, at, states),
            2 => self.rows::<S, 2>(s, at, states),
            _ => self.rows::<S, 1>(s, at, states),
        }
    }

    /// One stretch for `R` rows.
    #[inline(always)]
    fn rows<S: Simd, const R: usize>(&self, s: S, at: At<'_>, states: &mut States) -> usize {
        if R <= S::ATTENTION_ROWS {
            s.apart(Step::<R> {
                walk: self,
                at,
                states,
            });
        }
        R
    }

    /// Positions up to a row's own.
    #[inline(always)]
    pub(super) fn context(&self, row: usize) -> usize {
        self.span.context_start + self.piece.first_query + row / self.piece.heads + 1
    }

    /// How many of them, the first ones, lie before the row's window.
    #[inline(always)]
    pub(super) fn unseen(&self, row: usize) -> usize {
        self.context(row).saturating_sub(self.shared.cache.window())
    }

    /// The first row from `from` on, below `to`, for which `holds` does not; else `to`.
    #[inline(always)]
    fn rows_while(&self, from: usize, to: usize, holds: impl Fn(usize) -> bool) -> usize {
        (from..to).find(|row| !holds(*row)).unwrap_or(to)
    }

    /// Where a row begins in `q` and `out`.
    #[inline(always)]
    pub(super) fn place(&self, row: usize) -> usize {
        let query = self.span.q_start + self.piece.first_query + row / self.piece.heads;
        let head = self.piece.first_head + row % self.piece.heads;
        (query * self.shared.heads + head) * self.shared.cache.head_dim()
    }

    /// # Safety
    /// The row is in no other piece, and not in use.
    #[inline(always)]
    #[expect(clippy::mut_from_ref, reason = "rows are apart by the caller's word")]
    pub(super) unsafe fn out(&self, row: usize) -> &mut [f32] {
        // SAFETY: the caller's word.
        unsafe {
            self.shared
                .out
                .part(self.place(row), self.shared.cache.head_dim())
        }
    }
}
