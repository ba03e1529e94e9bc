//! One column tile times blocks of 16 rows.

use super::super::packed::GroupLayout;
use super::super::quantised::Shape;
use super::slab::{SLAB_GROUPS, Slab};
use crate::kernels::amx::{TILE_ROWS, TileRegisters, TileSums};
use crate::kernels::simd::{InputGroup, LANES, Simd};

/// Rows from which tiles pay, and rows of their blocks: fewer are left to vectors.
pub(in crate::kernels::matmul) const TILED_ROWS: usize = TILE_ROWS;

/// Sums of a block of rows: 16 columns for each.
pub(super) type BlockSums = [[f32; LANES]; TILED_ROWS];

/// Memory that a product needs beside its operands.
#[derive(Debug)]
pub(super) struct Scratch {
    slab: Slab,
    sums: [GroupSums; 2],
    bytes: [InputGroup; TILED_ROWS],
}

impl Scratch {
    pub(super) const EMPTY: Self = Self {
        slab: Slab::EMPTY,
        sums: [const { GroupSums::ZERO }; 2],
        bytes: [InputGroup::ZERO; TILED_ROWS],
    };
}

/// Integer sums of one group.
#[derive(Debug)]
struct GroupSums {
    high: TileSums,
    /// Of the low bytes, where activations have 16 bits.
    low: TileSums,
}

impl GroupSums {
    const ZERO: Self = Self {
        high: TileSums::ZERO,
        low: TileSums::ZERO,
    };
}

/// Outputs of 16 columns for some blocks of rows: `inputs` has, for each block, 16 groups for each 32
/// values of k. `tiles` are configured for products over `P::QUADS` quads.
#[inline(always)]
pub(super) fn columns<S: Simd, T: TileRegisters, P: Shape, const WIDE: bool>(
    (s, tiles): (S, &mut T),
    scratch: &mut Scratch,
    (layout, weights): (GroupLayout, &[u8]),
    inputs: &[&[InputGroup]],
    sums: &mut [BlockSums],
) {
    let Scratch {
        slab,
        sums: parts,
        bytes,
    } = scratch;
    let slab_bytes = layout.bytes() * (8 / P::QUADS) * SLAB_GROUPS;
    for sums in &mut *sums {
        *sums = [[0.0; LANES]; TILED_ROWS];
    }
    for (index, packed) in weights.chunks(slab_bytes).enumerate() {
        slab.unpack::<S, P>(s, layout, packed);
        for (input, sums) in inputs.iter().zip(&mut *sums) {
            let (groups, _) = input.as_chunks::<TILED_ROWS>();
            let Some(groups) = groups.chunks(SLAB_GROUPS).nth(index) else {
                return; // what is left are bytes that fill the last line
            };
            let mut block = Block::<T> {
                tiles,
                slab,
                groups,
                bytes,
            };
            block.add::<S, P, WIDE>(s, parts, sums);
        }
    }
}

/// A block of rows times a slab.
struct Block<'a, T> {
    tiles: &'a mut T,
    slab: &'a Slab,
    groups: &'a [[InputGroup; TILED_ROWS]],
    bytes: &'a mut [InputGroup; TILED_ROWS],
}

impl<T: TileRegisters> Block<'_, T> {
    /// Adds the scaled sums of all groups, in their order.
    #[inline(always)]
    fn add<S: Simd, P: Shape, const WIDE: bool>(
        &mut self,
        s: S,
        [even, odd]: &mut [GroupSums; 2],
        out: &mut BlockSums,
    ) {
        let mut sums = [s.splat(0.0); TILED_ROWS];
        for r in 0..TILED_ROWS {
            sums[r] = s.load(&out[r]);
        }
        let steps = self.groups.len() * (8 / P::QUADS);
        // The tiles work on a group while the one before it is scaled: each of the two has registers
        // and memory of its own.
        self.products::<S, P, WIDE, 0, 1, 4>(s, 0, even);
        let mut step = 0;
        while step + 1 < steps {
            self.products::<S, P, WIDE, 2, 3, 5>(s, step + 1, odd);
            self.scale::<S, P, WIDE>(s, step, even, &mut sums);
            if step + 2 < steps {
                self.products::<S, P, WIDE, 0, 1, 4>(s, step + 2, even);
            }
            self.scale::<S, P, WIDE>(s, step + 1, odd, &mut sums);
            step += 2;
        }
        if step < steps {
            self.scale::<S, P, WIDE>(s, step, even, &mut sums);
        }
        for r in 0..TILED_ROWS {
            s.store(sums[r], &mut out[r]);
        }
    }

    /// Integer sums of a group, or half of one, by the tile registers `HIGH`, `LOW` and `CODES`.
    #[inline(always)]
    fn products<
        S: Simd,
        P: Shape,
        const WIDE: bool,
        const HIGH: usize,
        const LOW: usize,
        const CODES: usize,
    >(
        &mut self,
        s: S,
        step: usize,
        out: &mut GroupSums,
    ) {
        let (group, first) = place::<P>(step);
        let rows = s.byte_codes::<WIDE>(&self.groups[group], self.bytes);
        let rows: &[u8] = bytemuck::cast_slice(rows);
        let tiles = &mut *self.tiles;
        tiles.load::<CODES>(self.slab.codes::<P>(step), 64);
        tiles.load::<6>(&rows[first..], size_of::<InputGroup>());
        tiles.zero::<HIGH>();
        tiles.dot::<HIGH, 6, CODES>();
        if WIDE {
            tiles.load::<7>(&rows[32 + first..], size_of::<InputGroup>());
            tiles.zero::<LOW>();
            tiles.dot::<LOW, 7, CODES>();
        }
        tiles.store::<HIGH>(&mut out.high);
        if WIDE {
            tiles.store::<LOW>(&mut out.low);
        }
    }

    /// Adds the scaled sums of a group: the operations of [`quantised`](super::super::quantised).
    #[inline(always)]
    fn scale<S: Simd, P: Shape, const WIDE: bool>(
        &self,
        s: S,
        step: usize,
        parts: &GroupSums,
        sums: &mut [S::F; TILED_ROWS],
    ) {
        let (group, first) = place::<P>(step);
        let x = &self.groups[group];
        let (scale, offset) = self.slab.factors(s, step);
        for r in 0..TILED_ROWS {
            let total = s.tile_total::<WIDE>(&parts.high.0[r], &parts.low.0[r]);
            let total = s.to_f32(total);
            let sum = if P::QUADS == 8 {
                x[r].sum
            } else {
                x[r].half_sums[first / 16]
            };
            let unit = s.mul(scale, s.splat(x[r].scale));
            sums[r] = s.mul_add(unit, total, sums[r]);
            sums[r] = s.mul_add(offset, s.splat(sum), sums[r]);
        }
    }
}

/// Which group of activations a step is about, and its first value there.
#[inline(always)]
fn place<P: Shape>(step: usize) -> (usize, usize) {
    let parts = 8 / P::QUADS;
    (step / parts, step % parts * P::QUADS * 4)
}
