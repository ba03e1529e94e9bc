//! Activations as the products read them: quantised by groups, and as floats.

#![expect(unsafe_code, reason = "row blocks are written by several threads")]

use super::rows::{self, BlockSizes, RowBlock};
use super::tiled::TILED_ROWS;
use crate::kernels::Kernels;
use crate::kernels::amx::Tiles;
use crate::kernels::disjoint::Disjoint;
use crate::kernels::simd::{InputGroup, Kernel, LANES, Simd, dispatch};

/// Values in a group of activations.
pub(super) const GROUP: usize = 32;

/// Precision of quantised activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ActivationBits {
    /// Integers within ±127: the fastest, an error of up to 0.4% of a group's largest value.
    Eight,
    /// Integers within ±32639: twice the integer work for prompts, no loss to speak of.
    #[default]
    Sixteen,
}

/// Rows of activations, set once and read by several products. Its buffers are reused.
#[derive(Debug, Default)]
pub struct MatmulInput {
    bits: ActivationBits,
    rows: usize,
    cols: usize,
    /// Rows in a block, as the instruction set wants them.
    block_sizes: BlockSizes,
    /// For each block, for each group, one a row. Empty where `cols` is not whole groups.
    groups: Vec<InputGroup>,
    /// The rows as they are.
    floats: Vec<f32>,
}

impl MatmulInput {
    /// No rows yet; 16-bit activations.
    pub fn new() -> Self {
        Self::default()
    }

    /// No rows yet, and a precision of its own.
    pub fn with_bits(bits: ActivationBits) -> Self {
        Self {
            bits,
            ..Self::default()
        }
    }

    /// Changes the precision of rows that are set from now on.
    pub fn set_bits(&mut self, bits: ActivationBits) {
        self.bits = bits;
    }

    /// Rows that were set.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns of the rows that were set.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Takes `rows` rows of `cols` values. NaN and infinities stay visible: a group that has one
    /// makes every output of its row NaN.
    ///
    /// # Panics
    /// When `x` is not `rows` x `cols` values.
    pub fn set(&mut self, kernels: &Kernels, x: &[f32], rows: usize, cols: usize) {
        assert_eq!(x.len(), rows * cols, "{rows} x {cols} activations");
        self.rows = rows;
        self.cols = cols;
        self.block_sizes = block_sizes(kernels);
        let groups = if cols.is_multiple_of(GROUP) {
            cols / GROUP
        } else {
            0
        };
        self.groups.resize(rows * groups, InputGroup::ZERO);
        self.floats.resize(rows * cols, 0.0);
        let task = Fill {
            bits: self.bits,
            x,
            cols,
            groups: &Disjoint::new(&mut self.groups),
            floats: &Disjoint::new(&mut self.floats),
        };
        let block_sizes = self.block_sizes;
        let least = (SERIAL_VALUES / (block_sizes.largest * cols).max(1)).max(1);
        kernels.run_items(rows::count(rows, block_sizes), least, |start, len| {
            FillBlocks {
                task: &task,
                blocks: rows::blocks(rows, block_sizes, start..start + len),
            }
        });
    }

    /// Number of row blocks.
    pub(super) fn blocks(&self) -> usize {
        rows::count(self.rows, self.block_sizes)
    }

    /// Blocks of a range, each with its quantised groups: `block.len` a group.
    pub(super) fn block_range(
        &self,
        range: std::ops::Range<usize>,
    ) -> impl Iterator<Item = RowBlock> {
        rows::blocks(self.rows, self.block_sizes, range)
    }

    pub(super) fn bits(&self) -> ActivationBits {
        self.bits
    }

    /// How the rows fall into blocks.
    pub(super) fn block_sizes(&self) -> BlockSizes {
        self.block_sizes
    }

    /// Blocks of the largest size; they are the first ones.
    pub(super) fn largest_blocks(&self) -> usize {
        self.rows / self.block_sizes.largest
    }

    /// Quantised groups of a block.
    pub(super) fn groups(&self, block: RowBlock) -> &[InputGroup] {
        let groups = self.cols / GROUP;
        &self.groups[block.start * groups..(block.start + block.len) * groups]
    }

    /// Rows of a block as they were given.
    pub(super) fn floats(&self, block: RowBlock) -> &[f32] {
        &self.floats[block.start * self.cols..(block.start + block.len) * self.cols]
    }
}

/// Values below which filling is not worth another thread.
const SERIAL_VALUES: usize = 16 * 1024;

/// Row blocks as the kernels want them: for tiles where there are tiles, and for vectors.
pub(super) fn block_sizes(kernels: &Kernels) -> BlockSizes {
    let then = dispatch(kernels.isa(), BlockRows);
    let largest = if matches!(kernels.tiles(), Tiles::None) {
        then
    } else {
        TILED_ROWS
    };
    BlockSizes { largest, then }
}

/// Asks an instruction set for its row block.
struct BlockRows;

impl Kernel for BlockRows {
    type Output = usize;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> usize {
        S::MATMUL_ROWS
    }
}

/// What all chunks of a fill share.
struct Fill<'a> {
    bits: ActivationBits,
    x: &'a [f32],
    cols: usize,
    groups: &'a Disjoint<'a, InputGroup>,
    floats: &'a Disjoint<'a, f32>,
}

/// One chunk of a fill.
struct FillBlocks<'a, B> {
    task: &'a Fill<'a>,
    blocks: B,
}

impl<B: Iterator<Item = RowBlock>> Kernel for FillBlocks<'_, B> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Fill {
            bits,
            x,
            cols,
            groups,
            floats,
        } = *self.task;
        for RowBlock { start, len } in self.blocks {
            // SAFETY: a block's columns are its own, and each block is in one chunk.
            let floats = unsafe { floats.part(start * cols, len * cols) };
            let x = &x[start * cols..(start + len) * cols];
            floats.copy_from_slice(x);
            if cols.is_multiple_of(GROUP) {
                let per_row = cols / GROUP;
                // SAFETY: a block's groups are its own, and each block is in one chunk.
                let groups = unsafe { groups.part(start * per_row, len * per_row) };
                match bits {
                    ActivationBits::Eight => quantise_block::<S, false>(s, x, len, groups),
                    ActivationBits::Sixteen => quantise_block::<S, true>(s, x, len, groups),
                }
            }
        }
    }
}

#[inline(always)]
fn quantise_block<S: Simd, const WIDE: bool>(
    s: S,
    x: &[f32],
    rows: usize,
    groups: &mut [InputGroup],
) {
    let per_row = groups.len() / rows;
    let (values, _) = x.as_chunks::<GROUP>();
    for (row, values) in values.chunks_exact(per_row).enumerate() {
        for (groups, values) in groups.chunks_exact_mut(rows).zip(values) {
            quantise::<S, WIDE>(s, values, &mut groups[row]);
        }
    }
}

/// Quantises one group: the largest value becomes the largest integer.
#[inline(always)]
fn quantise<S: Simd, const WIDE: bool>(s: S, x: &[f32; GROUP], group: &mut InputGroup) {
    let limit = if WIDE { 32_639.0 } else { 127.0 };
    let (halves, _) = x.as_chunks::<LANES>();
    let [a, b] = [s.load(&halves[0]), s.load(&halves[1])];
    let largest = s.max_lanes(s.max(s.abs(a), s.abs(b)));
    // Zero, or NaN where a value is not finite.
    let zero = s.splat(0.0);
    let taint = s.sum_lanes(s.mul_add(a, zero, s.mul(b, zero)));
    let scale = largest / limit;
    let inverse = if largest > 0.0 { limit / largest } else { 0.0 };
    let (low, high) = (
        integers(s, a, inverse, limit),
        integers(s, b, inverse, limit),
    );
    s.encode::<WIDE>([low, high], &mut group.codes);
    // Exact: the sums are below 2^24.
    let (low, high) = (s.sum_lanes(s.to_f32(low)), s.sum_lanes(s.to_f32(high)));
    group.scale = scale + taint;
    group.sum = group.scale * (low + high);
    group.half_sums = [group.scale * low, group.scale * high];
}

#[inline(always)]
fn integers<S: Simd>(s: S, values: S::F, inverse: f32, limit: f32) -> S::I {
    let scaled = s.mul(values, s.splat(inverse));
    s.nearest(s.min(s.max(scaled, s.splat(-limit)), s.splat(limit)))
}
