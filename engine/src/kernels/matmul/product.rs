//! The product: how it is cut for the threads, and which kernel computes each piece.

#![expect(unsafe_code, reason = "chunks write to columns of their own")]

use std::marker::PhantomData;
use std::ops::Range;

use super::float::{self, Stored, StoredBf16, StoredF16, StoredF32};
use super::input::{self, ActivationBits, MatmulInput};
use super::packed::{FloatType, GroupLayout, Layout, PackedMatrix, Segment};
use super::quantised::{self, Groups16, Groups32, Shape};
use super::rows::RowBlock;
use super::tiled::{self, TILED_ROWS};
use crate::kernels::Kernels;
use crate::kernels::amx::Tiles;
use crate::kernels::context::CHUNKS_PER_THREAD;
use crate::kernels::disjoint::Disjoint;
use crate::kernels::simd::{Kernel, LANES, Simd};

/// Rows that one chunk computes at most: their activations stay in the second-level cache.
const CHUNK_ROWS: usize = 64;
/// Bytes of weights that a chunk reads at most, for the same reason.
const CHUNK_BYTES: usize = 256 * 1024;

impl Kernels {
    /// `out[row * w.rows() + j] = sum over k of x[row][k] * w[j][k]`.
    ///
    /// # Panics
    /// When `x` has other columns than `w` or was filled for a matrix that reads other forms, `out` is
    /// not `x.rows()` x `w.rows()` values, or `x` was set by kernels of another instruction set.
    pub fn matmul(&self, w: &PackedMatrix, x: &MatmulInput, out: &mut [f32]) {
        assert_eq!(
            x.cols(),
            w.cols(),
            "columns of the activations and of the matrix"
        );
        assert_eq!(out.len(), x.rows() * w.rows(), "outputs");
        assert!(
            x.serves(w),
            "activations in the forms that the matrix reads"
        );
        if x.rows() == 0 {
            return;
        }
        assert_eq!(
            x.block_sizes(),
            input::block_sizes(self),
            "row blocks of the activations and of the kernels"
        );
        let tiles: usize = w.segments().iter().map(Segment::tiles).sum();
        let row_chunk = (CHUNK_ROWS / x.block_sizes().largest).max(1);
        // The rows behind the largest blocks go with the last chunk: they would read all weights anew.
        let row_chunks = x.largest_blocks().div_ceil(row_chunk).max(1);
        let wanted = (self.threads() * CHUNKS_PER_THREAD).div_ceil(row_chunks);
        let most = (CHUNK_BYTES / w.memory_bytes().div_ceil(tiles).max(1)).max(1);
        let strip = tiles.div_ceil(wanted).clamp(1, most);
        let strips = tiles.div_ceil(strip);
        let out = Disjoint::new(out);
        self.run(strips * row_chunks, |index| {
            let (rows, tile) = (index / strips, index % strips * strip);
            let last = rows + 1 == row_chunks;
            Chunk {
                registers: self.tiles(),
                matrix: w,
                input: x,
                tiles: tile..(tile + strip).min(tiles),
                blocks: rows * row_chunk..if last {
                    x.blocks()
                } else {
                    (rows + 1) * row_chunk
                },
                out: &out,
            }
        });
    }
}

/// Some tiles times some row blocks.
struct Chunk<'a> {
    registers: Tiles,
    matrix: &'a PackedMatrix,
    input: &'a MatmulInput,
    /// Counted through all segments.
    tiles: Range<usize>,
    blocks: Range<usize>,
    out: &'a Disjoint<'a, f32>,
}

impl Kernel for Chunk<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut before = 0;
        for segment in self.matrix.segments() {
            let end = before + segment.tiles();
            let tiles = self.tiles.start.max(before)..self.tiles.end.min(end);
            if !tiles.is_empty() {
                let piece = Piece {
                    chunk: &self,
                    segment,
                    tiles: tiles.start - before..tiles.end - before,
                };
                piece.run(s);
            }
            before = end;
        }
    }
}

/// The part of a chunk that lies in one segment.
pub(super) struct Piece<'a> {
    chunk: &'a Chunk<'a>,
    segment: &'a Segment,
    tiles: Range<usize>,
}

impl Piece<'_> {
    pub(super) fn input(&self) -> &MatmulInput {
        self.chunk.input
    }

    pub(super) fn tiles(&self) -> Range<usize> {
        self.tiles.clone()
    }

    pub(super) fn weights(&self, tile: usize) -> &[u8] {
        self.segment.tile(tile)
    }

    /// Tile registers.
    pub(super) fn registers(&self) -> Tiles {
        self.chunk.registers
    }

    #[inline(always)]
    fn run<S: Simd>(&self, s: S) {
        let mut blocks = self.chunk.blocks.clone();
        if self.input().block_sizes().largest == TILED_ROWS {
            let tiled = blocks.start..blocks.end.min(self.input().largest_blocks());
            blocks.start = tiled.end;
            if let Layout::Quantised(layout) = self.segment.layout {
                if !tiled.is_empty() {
                    tiled::multiply(s, self, layout, tiled);
                }
            } else {
                for block in self.input().block_range(tiled) {
                    self.part_by_part(s, block);
                }
            }
        }
        for block in self.input().block_range(blocks) {
            self.block(s, block);
        }
    }

    /// A block that is too large for vectors.
    #[inline(always)]
    fn part_by_part<S: Simd>(&self, s: S, block: RowBlock) {
        let len = S::MATMUL_ROWS;
        for start in (block.start..block.start + block.len).step_by(len) {
            self.block(s, RowBlock { start, len });
        }
    }

    #[inline(always)]
    fn block<S: Simd>(&self, s: S, block: RowBlock) {
        match block.len {
            8 => self.rows::<S, 8>(s, block),
            4 => self.rows::<S, 4>(s, block),
            2 => self.rows::<S, 2>(s, block),
            _ => self.rows::<S, 1>(s, block),
        }
    }

    #[inline(always)]
    fn rows<S: Simd, const R: usize>(&self, s: S, block: RowBlock) {
        if R > S::MATMUL_ROWS {
            return; // no such block; keeps its code from being compiled
        }
        match self.segment.layout {
            Layout::Quantised(layout) => match (layout.group_len, layout.bits) {
                (32, 4) => self.bits::<S, Groups32<true>, R>(s, layout, block),
                (32, _) => self.bits::<S, Groups32<false>, R>(s, layout, block),
                (_, 4) => self.bits::<S, Groups16<true>, R>(s, layout, block),
                (_, _) => self.bits::<S, Groups16<false>, R>(s, layout, block),
            },
            Layout::Float(FloatType::F32) => self.float::<S, StoredF32, R>(s, block),
            Layout::Float(FloatType::F16) => self.float::<S, StoredF16, R>(s, block),
            Layout::Float(FloatType::Bf16) => self.float::<S, StoredBf16, R>(s, block),
        }
    }

    #[inline(always)]
    fn bits<S: Simd, P: Shape, const R: usize>(&self, s: S, layout: GroupLayout, block: RowBlock) {
        match self.chunk.input.bits() {
            ActivationBits::Eight => self.quantised::<S, P, R, false>(s, layout, block),
            ActivationBits::Sixteen => self.quantised::<S, P, R, true>(s, layout, block),
        }
    }

    #[inline(always)]
    fn quantised<S: Simd, P: Shape, const R: usize, const WIDE: bool>(
        &self,
        s: S,
        layout: GroupLayout,
        block: RowBlock,
    ) {
        s.apart(Quantised::<P, R, WIDE> {
            piece: self,
            layout,
            block,
            shape: PhantomData,
        });
    }

    #[inline(always)]
    fn float<S: Simd, W: Stored, const R: usize>(&self, s: S, block: RowBlock) {
        s.apart(Float::<W, R> {
            piece: self,
            block,
            stored: PhantomData,
        });
    }

    /// Writes the columns of a tile for a row of a block.
    #[inline(always)]
    pub(super) fn write(&self, block: RowBlock, tile: usize, row: usize, sums: &[f32; LANES]) {
        let lanes = LANES.min(self.segment.rows - tile * LANES);
        let column = self.segment.first_row + tile * LANES;
        let start = (block.start + row) * self.chunk.matrix.rows() + column;
        // SAFETY: each tile and row block is in one chunk, and has these outputs for itself.
        let out = unsafe { self.chunk.out.part(start, lanes) };
        // Nearly all tiles are whole, and a copy of known length is two instructions.
        match out.first_chunk_mut() {
            Some(whole) => *whole = *sums,
            None => out.copy_from_slice(&sums[..lanes]),
        }
    }
}

/// All tiles of a piece for one row block, quantised.
struct Quantised<'a, P, const R: usize, const WIDE: bool> {
    piece: &'a Piece<'a>,
    layout: GroupLayout,
    block: RowBlock,
    shape: PhantomData<P>,
}

impl<P: Shape, const R: usize, const WIDE: bool> Kernel for Quantised<'_, P, R, WIDE> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            piece,
            layout,
            block,
            ..
        } = self;
        let inputs = piece.chunk.input.groups(block);
        for tile in piece.tiles.clone() {
            let weights = piece.segment.tile(tile);
            let sums = quantised::tile::<S, P, R, WIDE>(s, layout, weights, inputs);
            for (row, sums) in sums.iter().enumerate() {
                piece.write(block, tile, row, sums);
            }
        }
    }
}

/// All tiles of a piece for one row block, floats.
struct Float<'a, W, const R: usize> {
    piece: &'a Piece<'a>,
    block: RowBlock,
    stored: PhantomData<W>,
}

impl<W: Stored, const R: usize> Kernel for Float<'_, W, R> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { piece, block, .. } = self;
        let inputs = piece.chunk.input.floats(block);
        let mut tile = piece.tiles.start;
        while tile + 4 <= piece.tiles.end {
            let mut weights = [piece.segment.tile(tile); 4];
            for (t, weights) in weights.iter_mut().enumerate() {
                *weights = piece.segment.tile(tile + t);
            }
            let sums = float::tiles::<S, W, R, 4>(s, weights, inputs);
            for (row, sums) in sums.iter().enumerate() {
                for (t, sums) in sums.iter().enumerate() {
                    piece.write(block, tile + t, row, sums);
                }
            }
            tile += 4;
        }
        for tile in tile..piece.tiles.end {
            let sums = float::tiles::<S, W, R, 1>(s, [piece.segment.tile(tile)], inputs);
            for (row, [sums]) in sums.iter().enumerate() {
                piece.write(block, tile, row, sums);
            }
        }
    }
}
