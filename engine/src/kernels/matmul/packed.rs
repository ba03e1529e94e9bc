//! Weights in the order in which the product reads them.

use bytemuck::{Pod, Zeroable};

use super::pack;
use crate::kernels::pages::Frozen;
use crate::kernels::simd::LANES;
use crate::kernels::{Format, KernelError, Kernels};

/// A tensor as a file stores it: row-major, whole blocks.
#[derive(Debug, Clone, Copy)]
pub struct TensorBytes<'a> {
    /// How its values are stored.
    pub format: Format,
    /// Output rows.
    pub rows: usize,
    /// Columns: values in a row.
    pub cols: usize,
    /// Its bytes; their number is checked when it is packed.
    pub bytes: &'a [u8],
}

/// One or several tensors, stacked by output rows, packed for
/// [`Kernels::matmul`](Kernels::matmul).
#[derive(Debug)]
pub struct PackedMatrix {
    rows: usize,
    cols: usize,
    segments: Vec<Segment>,
}

impl PackedMatrix {
    /// Packs tensors of the same number of columns, in the order in which their outputs shall
    /// stand. Their formats may differ. The bytes are copied, none are kept.
    ///
    /// # Errors
    /// When there is no part or an empty one, the columns differ, a row is not whole blocks, a part
    /// has too few or too many bytes, or the matrix does not fit the address space.
    pub fn pack(kernels: &Kernels, parts: &[TensorBytes<'_>]) -> Result<Self, KernelError> {
        let Some(first) = parts.first() else {
            return Err(KernelError::Empty {
                part: 0,
                rows: 0,
                cols: 0,
            });
        };
        let cols = first.cols;
        let (mut rows, mut segments) = (0, Vec::with_capacity(parts.len()));
        for (index, part) in parts.iter().enumerate() {
            prove(index, part, cols)?;
            segments.push(pack::segment(kernels, part, rows)?);
            rows += part.rows;
        }
        Ok(Self {
            rows,
            cols,
            segments,
        })
    }

    /// Outputs.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Inputs.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Memory that the packed weights take.
    pub fn memory_bytes(&self) -> usize {
        self.segments
            .iter()
            .map(|segment| segment.data.len() * size_of::<Line>())
            .sum()
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

fn prove(index: usize, part: &TensorBytes<'_>, cols: usize) -> Result<(), KernelError> {
    if part.rows == 0 || part.cols == 0 {
        return Err(KernelError::Empty {
            part: index,
            rows: part.rows,
            cols: part.cols,
        });
    }
    if part.cols != cols {
        return Err(KernelError::ColsDiffer {
            part: index,
            cols: part.cols,
            expected: cols,
        });
    }
    let expected = part.format.tensor_bytes(part.rows, part.cols)?;
    if part.bytes.len() != expected {
        return Err(KernelError::WrongLength {
            format: part.format.name(),
            values: part.rows * part.cols,
            expected,
            actual: part.bytes.len(),
        });
    }
    Ok(())
}

/// The tiles of one part.
#[derive(Debug)]
pub(super) struct Segment {
    /// Output that its first row is.
    pub(super) first_row: usize,
    /// Its rows; the last tile is filled up with zeros.
    pub(super) rows: usize,
    pub(super) layout: Layout,
    pub(super) tile_lines: usize,
    pub(super) data: Frozen<Line>,
}

impl Segment {
    pub(super) fn tiles(&self) -> usize {
        self.rows.div_ceil(LANES)
    }

    pub(super) fn tile(&self, index: usize) -> &[u8] {
        let lines = &self.data[index * self.tile_lines..][..self.tile_lines];
        bytemuck::cast_slice(lines)
    }
}

/// What a tile looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Quantised(GroupLayout),
    Float(FloatType),
}

/// A group of a quantised tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GroupLayout {
    /// Values of k: 16 or 32.
    pub(super) group_len: usize,
    /// Bits of a code: 4 or 8.
    pub(super) bits: usize,
    /// The code that means zero; where it is `None`, offsets follow the scales.
    pub(super) zero: Option<u8>,
    /// Whether scales and offsets are f32; f16 where that loses nothing.
    pub(super) wide_scales: bool,
}

impl GroupLayout {
    /// Bytes of the codes of a group.
    pub(super) fn code_bytes(self) -> usize {
        self.group_len * LANES * self.bits / 8
    }

    /// Bytes of 16 scales.
    pub(super) fn scale_bytes(self) -> usize {
        if self.wide_scales {
            4 * LANES
        } else {
            2 * LANES
        }
    }

    /// Bytes of a whole group.
    pub(super) fn bytes(self) -> usize {
        self.code_bytes() + self.scale_bytes() * if self.zero.is_some() { 1 } else { 2 }
    }
}

/// The float formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FloatType {
    F32,
    F16,
    Bf16,
}

impl FloatType {
    /// Bytes of one value.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }
}

/// A cache line, so that tiles begin at one.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
pub(in crate::kernels) struct Line([u8; 64]);
