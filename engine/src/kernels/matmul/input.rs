//! Activations as the products read them: quantised by groups, as floats, or both.

use super::fill::{Fill, FillBlocks};
use super::packed::{Layout, PackedMatrix, Segment};
use super::rows::{self, BlockSizes, RowBlock};
use super::tiled::TILED_ROWS;
use crate::kernels::Kernels;
use crate::kernels::amx::Tiles;
use crate::kernels::disjoint::Disjoint;
use crate::kernels::ops::{
    Gate, Gated, GatedRows, GeluTanh, Normed, NormedRows, Plain, Silu, Source,
};
use crate::kernels::simd::{InputGroup, Kernel, Simd, dispatch};

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

/// What rows of activations are computed from, on their way into a product. NaN and infinities stay
/// visible: a group that has one makes every output of its row NaN.
#[derive(Debug)]
pub enum InputRows<'a> {
    /// They are there.
    Plain(&'a [f32]),
    /// A residual stream, added to and normed.
    Normed(NormedRows<'a>),
    /// What a gate lets through.
    Gated(GatedRows<'a>),
}

/// Rows of activations, set once and read by several products. Its buffers are reused.
#[derive(Debug, Default)]
pub struct MatmulInput {
    bits: ActivationBits,
    rows: usize,
    cols: usize,
    forms: Forms,
    /// Rows in a block, as the instruction set wants them.
    block_sizes: BlockSizes,
    /// For each block, for each group, one a row. Never shorter than it once was.
    groups: Vec<InputGroup>,
    /// The rows as they are. Never shorter than it once was.
    floats: Vec<f32>,
}

/// The forms in which rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Forms {
    pub(super) groups: bool,
    pub(super) floats: bool,
}

impl Forms {
    /// What the segments of a matrix read.
    fn read_by(weight: &PackedMatrix) -> Self {
        let any = |float| {
            let is = |segment: &Segment| matches!(segment.layout, Layout::Float(_)) == float;
            weight.segments().iter().any(is)
        };
        Self {
            groups: any(false),
            floats: any(true),
        }
    }
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

    /// Takes `rows` rows of `cols` values, in the forms that any matrix reads.
    ///
    /// # Panics
    /// When `x` is not `rows` x `cols` values.
    pub fn set(&mut self, kernels: &Kernels, x: &[f32], rows: usize, cols: usize) {
        assert_eq!(x.len(), rows * cols, "{rows} x {cols} activations");
        self.forms = Forms {
            groups: cols.is_multiple_of(GROUP),
            floats: true,
        };
        let plain = Plain {
            values: x,
            width: cols,
        };
        self.take(kernels, &plain, rows);
    }

    /// Takes as many rows as there are, in the forms that `weight` reads: a product with it may
    /// follow. Each row is read once, and written only as the product reads it.
    ///
    /// # Panics
    /// When the values are not whole rows of `weight.cols()`, or shapes do not fit each other.
    pub fn fill(&mut self, kernels: &Kernels, weight: &PackedMatrix, rows: InputRows<'_>) {
        self.forms = Forms::read_by(weight);
        let cols = weight.cols();
        match rows {
            InputRows::Plain(values) => {
                assert!(
                    values.len().is_multiple_of(cols),
                    "{} activations of {cols}",
                    values.len()
                );
                let plain = Plain {
                    values,
                    width: cols,
                };
                self.take(kernels, &plain, values.len() / cols);
            }
            InputRows::Normed(rows) => {
                assert_eq!(rows.weight.len(), cols, "weights of a norm");
                let count = rows.stream.len() / cols;
                self.take(kernels, &Normed::new(rows), count);
            }
            InputRows::Gated(GatedRows { gate_up, gate }) => {
                let count = gate_up.len() / (2 * cols);
                match gate {
                    Gate::Silu => self.take(kernels, &Gated::<Silu>::new(gate_up, cols), count),
                    Gate::GeluTanh => {
                        self.take(kernels, &Gated::<GeluTanh>::new(gate_up, cols), count);
                    }
                }
            }
        }
    }

    fn take<F: Source>(&mut self, kernels: &Kernels, source: &F, rows: usize) {
        let cols = source.width();
        self.rows = rows;
        self.cols = cols;
        self.block_sizes = block_sizes(kernels);
        let Forms { groups, floats } = self.forms;
        let task = Fill {
            source,
            bits: self.bits,
            groups: groups.then(|| Disjoint::new(grown(&mut self.groups, rows * cols / GROUP))),
            floats: floats.then(|| Disjoint::new(grown(&mut self.floats, rows * cols))),
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

    /// Whether the rows are there as `weight` reads them.
    pub(super) fn serves(&self, weight: &PackedMatrix) -> bool {
        let read = Forms::read_by(weight);
        (self.forms.groups || !read.groups) && (self.forms.floats || !read.floats)
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

    /// All rows as they were given, where a matrix of floats was to read them.
    #[cfg(test)]
    pub(in crate::kernels) fn all_floats(&self) -> &[f32] {
        &self.floats[..self.rows * self.cols]
    }
}

/// Values below which filling is not worth another thread.
const SERIAL_VALUES: usize = 8 * 1024;

/// The first `len` items of a buffer that is made longer where it must.
fn grown<T: Zero>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    if buffer.len() < len {
        buffer.resize(len, T::ZERO);
    }
    &mut buffer[..len]
}

/// What buffers are filled up with.
trait Zero: Copy {
    const ZERO: Self;
}

impl Zero for f32 {
    const ZERO: Self = 0.0;
}

impl Zero for InputGroup {
    const ZERO: Self = Self::ZERO;
}

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
