//! All column tiles of a piece times its blocks of 16 rows.

use std::marker::PhantomData;
use std::ops::Range;

use super::super::input::ActivationBits;
use super::super::packed::GroupLayout;
use super::super::product::Piece;
use super::super::quantised::{Groups16, Groups32, Shape};
use super::super::rows::RowBlock;
use super::columns::{BlockSums, Scratch, TILED_ROWS, columns};
use crate::kernels::amx::{TileConfig, TileUnit, Tiles};
use crate::kernels::simd::{InputGroup, Kernel, LANES, Simd};

/// Row blocks whose sums are kept while a column tile is unpacked once.
const MOST_BLOCKS: usize = 4;

/// Multiplies the row blocks `blocks`, all of [`TILED_ROWS`] rows.
#[inline(always)]
pub(in crate::kernels::matmul) fn multiply<S: Simd>(
    s: S,
    piece: &Piece<'_>,
    layout: GroupLayout,
    blocks: Range<usize>,
) {
    match piece.registers() {
        Tiles::None => {}
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        Tiles::Amx(unit) => {
            if S::BESIDE_AMX {
                shape(s, unit, piece, layout, blocks);
            }
        }
        #[cfg(test)]
        Tiles::Emulated(unit) => shape(s, unit, piece, layout, blocks),
    }
}

#[inline(always)]
fn shape<S: Simd, U: TileUnit>(
    s: S,
    unit: U,
    piece: &Piece<'_>,
    layout: GroupLayout,
    blocks: Range<usize>,
) {
    match (layout.group_len, layout.bits) {
        (32, 4) => bits::<S, U, Groups32<true>>(s, unit, piece, layout, blocks),
        (32, _) => bits::<S, U, Groups32<false>>(s, unit, piece, layout, blocks),
        (_, 4) => bits::<S, U, Groups16<true>>(s, unit, piece, layout, blocks),
        (_, _) => bits::<S, U, Groups16<false>>(s, unit, piece, layout, blocks),
    }
}

#[inline(always)]
fn bits<S: Simd, U: TileUnit, P: Shape>(
    s: S,
    unit: U,
    piece: &Piece<'_>,
    layout: GroupLayout,
    blocks: Range<usize>,
) {
    match piece.input().bits() {
        ActivationBits::Eight => s.apart(Tiled::<U, P, false> {
            unit,
            piece,
            layout,
            blocks,
            shape: PhantomData,
        }),
        ActivationBits::Sixteen => s.apart(Tiled::<U, P, true> {
            unit,
            piece,
            layout,
            blocks,
            shape: PhantomData,
        }),
    }
}

struct Tiled<'a, U, P, const WIDE: bool> {
    unit: U,
    piece: &'a Piece<'a>,
    layout: GroupLayout,
    blocks: Range<usize>,
    shape: PhantomData<P>,
}

impl<U: TileUnit, P: Shape, const WIDE: bool> Kernel for Tiled<'_, U, P, WIDE> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            unit,
            piece,
            layout,
            blocks,
            ..
        } = self;
        let config = TileConfig::products(if P::QUADS == 8 { 8 } else { 4 });
        let mut tiles = unit.configure(&config);
        let mut scratch = Scratch::EMPTY;
        let mut sums: [BlockSums; MOST_BLOCKS] = [[[0.0; LANES]; TILED_ROWS]; MOST_BLOCKS];
        let mut next = blocks.start;
        while next < blocks.end {
            let few = next..blocks.end.min(next + MOST_BLOCKS);
            let mut rows = [RowBlock { start: 0, len: 0 }; MOST_BLOCKS];
            let mut inputs: [&[InputGroup]; MOST_BLOCKS] = [&[]; MOST_BLOCKS];
            for (i, block) in piece.input().block_range(few.clone()).enumerate() {
                (rows[i], inputs[i]) = (block, piece.input().groups(block));
            }
            for tile in piece.tiles() {
                let weights = (layout, piece.weights(tile));
                columns::<S, U::Registers, P, WIDE>(
                    (s, &mut tiles),
                    &mut scratch,
                    weights,
                    &inputs[..few.len()],
                    &mut sums[..few.len()],
                );
                for (block, sums) in rows[..few.len()].iter().zip(&sums) {
                    for (row, sums) in sums.iter().enumerate() {
                        piece.write(*block, tile, row, sums);
                    }
                }
            }
            next = few.end;
        }
    }
}
