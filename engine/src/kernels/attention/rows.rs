//! The walk of query rows over the blocks of their context.

#![expect(unsafe_code, reason = "pieces write to rows and heads of their own")]

use super::cache::KvLayer;
use super::span::AttentionSpan;
use super::state::State;
use super::stretch::{STRETCH, STRETCH_LEN, Stretch, Workplace};
use super::tile::{Band, Queries, Tile};
use crate::BLOCK_SIZE;
use crate::kernels::disjoint::Disjoint;
use crate::kernels::simd::{LANES, Simd};

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

impl Shared<'_> {
    /// Computes a piece.
    ///
    /// # Safety
    /// No other piece has the same row and head of `out`.
    #[inline(always)]
    pub(super) unsafe fn run<S: Simd>(&self, s: S, piece: Piece) {
        let span = &self.spans[piece.span];
        let walk = Walk::new(self, piece, span);
        let rows = walk.rows();
        let mut states = [State::NOTHING; PIECE_ROWS];
        for row in 0..rows {
            walk.vectors(row).fill([0.0; LANES]);
        }
        let head_dim = self.cache.head_dim();
        let mut workplace = Workplace {
            queries: Queries::new(walk.bands::<S>(), (rows, head_dim, self.scale), |row| {
                walk.query(row)
            }),
            tile: Tile::EMPTY,
            weights: [[[0.0; LANES]; STRETCH]; PIECE_ROWS],
            shrink: [1.0; PIECE_ROWS],
        };
        let blocks = walk.context(rows - 1).div_ceil(BLOCK_SIZE);
        let stretches = span.block_table[..blocks].chunks(STRETCH).enumerate();
        for (index, blocks) in stretches.skip(walk.unseen(0) / STRETCH_LEN) {
            let stretch = Stretch {
                walk: &walk,
                start: index * STRETCH_LEN,
                blocks,
            };
            stretch.run(s, &mut states, &mut workplace);
        }
        for (row, state) in states[..rows].iter().enumerate() {
            let factor = 1.0 / s.sum_lanes(s.load(&state.sums));
            for value in walk.vectors(row).as_flattened_mut() {
                *value *= factor;
            }
        }
    }
}

/// A piece on its way through its context.
pub(super) struct Walk<'a> {
    shared: &'a Shared<'a>,
    piece: Piece,
    /// Positions up to each row's own.
    contexts: [usize; PIECE_ROWS],
    /// Where each row begins in `q` and `out`.
    places: [usize; PIECE_ROWS],
}

impl<'a> Walk<'a> {
    #[inline(always)]
    fn new(shared: &'a Shared<'a>, piece: Piece, span: &AttentionSpan<'_>) -> Self {
        let (mut contexts, mut places) = ([0; PIECE_ROWS], [0; PIECE_ROWS]);
        let head_dim = shared.cache.head_dim();
        for query in 0..piece.queries {
            for head in 0..piece.heads {
                let (row, query) = (query * piece.heads + head, piece.first_query + query);
                contexts[row] = span.context_start + query + 1;
                let place = (span.q_start + query) * shared.heads + piece.first_head + head;
                places[row] = place * head_dim;
            }
        }
        Self {
            shared,
            piece,
            contexts,
            places,
        }
    }

    /// Query rows of the piece.
    fn rows(&self) -> usize {
        self.piece.queries * self.piece.heads
    }

    pub(super) fn cache(&self) -> &KvLayer {
        self.shared.cache
    }

    pub(super) fn kv_head(&self) -> usize {
        self.piece.kv_head
    }

    /// How the rows are computed together.
    #[inline(always)]
    pub(super) fn bands<S: Simd>(&self) -> impl Iterator<Item = Band> {
        Band::all(self.rows(), S::ATTENTION_ROWS)
    }

    /// What a row sees of the stretch at `start`: from the first of these positions up to the second.
    #[inline(always)]
    pub(super) fn seen(&self, row: usize, start: usize) -> (usize, usize) {
        let from = self.unseen(row).saturating_sub(start);
        (
            from,
            STRETCH_LEN.min(self.context(row).saturating_sub(start)),
        )
    }

    /// A row's query.
    #[inline(always)]
    pub(super) fn query(&self, row: usize) -> &[f32] {
        &self.shared.q[self.places[row]..][..self.shared.cache.head_dim()]
    }

    /// Positions up to a row's own.
    #[inline(always)]
    pub(super) fn context(&self, row: usize) -> usize {
        self.contexts[row]
    }

    /// How many of them, the first ones, lie before the row's window.
    #[inline(always)]
    pub(super) fn unseen(&self, row: usize) -> usize {
        self.context(row).saturating_sub(self.shared.cache.window())
    }

    /// A row of the output.
    #[inline(always)]
    #[expect(
        clippy::mut_from_ref,
        reason = "rows are apart by the word of `run`'s caller"
    )]
    pub(super) fn vectors(&self, row: usize) -> &mut [[f32; LANES]] {
        let (start, len) = (self.places[row], self.shared.cache.head_dim());
        // SAFETY: the piece is this thread's own, and each use ends before the next one begins.
        unsafe { self.shared.out.part(start, len) }
            .as_chunks_mut()
            .0
    }
}
