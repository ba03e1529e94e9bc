//! What can go wrong before a kernel runs: a forced instruction set, a tensor that is not what it
//! says. The operations themselves cannot fail.

use thiserror::Error;

use super::AmxError;
use crate::Isa;

/// Why kernels cannot be built or a tensor cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KernelError {
    /// The configuration forces instructions that this processor does not have.
    #[error("the processor lacks what {wanted} needs; the best it has is {best}")]
    IsaMissing {
        /// What was asked for.
        wanted: Isa,
        /// What [`Kernels`](super::Kernels) would choose by itself.
        best: Isa,
    },
    /// The configuration forces AMX, which the processor has and which cannot be used.
    #[error("AMX is forced by the configuration and cannot be used: {reason}")]
    Amx {
        /// Why not.
        reason: AmxError,
    },
    /// The operating system gave no thread.
    #[error("cannot start kernel thread {index} of {threads}: {reason}")]
    Thread {
        /// Which thread, from 1; the caller is thread 0.
        index: usize,
        /// How many were asked for.
        threads: usize,
        /// The operating system's words.
        reason: String,
    },
    /// Weights that were packed before are not those that are asked for.
    #[error("segment {index} of the packed weights is not {wanted}")]
    NotPacked {
        /// Which, in the order of packing.
        index: usize,
        /// What was asked for.
        wanted: String,
    },
    /// A matrix of no parts, rows or columns.
    #[error("a matrix needs at least one row and one column, part {part} has {rows} x {cols}")]
    Empty {
        /// Index of the part; 0 where there is none.
        part: usize,
        /// Its rows.
        rows: usize,
        /// Its columns.
        cols: usize,
    },
    /// Parts that are stacked by rows have different widths.
    #[error(
        "stacked parts need the same number of columns: part {part} has {cols}, part 0 has {expected}"
    )]
    ColsDiffer {
        /// Index of the part.
        part: usize,
        /// Its columns.
        cols: usize,
        /// Columns of the first part.
        expected: usize,
    },
    /// Rows are not whole blocks of the format.
    #[error("{format} stores whole blocks of {block_len} values, {len} values are not")]
    NotWholeBlocks {
        /// Name of the format.
        format: &'static str,
        /// Values in a row.
        len: usize,
        /// Values in one block.
        block_len: usize,
    },
    /// The bytes of a tensor are too few or too many for its shape.
    #[error("a {format} tensor of {values} values has {expected} bytes, not {actual}")]
    WrongLength {
        /// Name of the format.
        format: &'static str,
        /// Values that the shape asks for.
        values: usize,
        /// Bytes that they take.
        expected: usize,
        /// Bytes that are there.
        actual: usize,
    },
    /// A shape whose size does not fit the address space.
    #[error("a {format} tensor of {rows} x {cols} values is too large")]
    TooLarge {
        /// Name of the format.
        format: &'static str,
        /// Its rows.
        rows: usize,
        /// Its columns.
        cols: usize,
    },
}
