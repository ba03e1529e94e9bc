//! Both kinds of files as one source, and from its tensors what the model holds: packed matrices
//! and vectors.

use super::{GgufShards, SafetensorsShards, TensorName};
use crate::kernels::{Format, Kernels, PackedMatrix, TensorBytes, dequantise};
use crate::model::ModelError;

/// A model's tensors, wherever they lie.
#[derive(Debug)]
pub(crate) enum Weights {
    Gguf(GgufShards),
    Safetensors(SafetensorsShards),
}

impl Weights {
    /// The tensor, which must have the shape `expected`; a vector comes as one row.
    pub(crate) fn tensor(
        &self,
        name: TensorName,
        expected: &[usize],
    ) -> Result<TensorBytes<'_>, ModelError> {
        match self {
            Self::Gguf(shards) => shards.tensor(name, expected),
            Self::Safetensors(shards) => shards.tensor(name, expected),
        }
    }

    /// A vector of `len` floats.
    pub(crate) fn vector(&self, name: TensorName, len: usize) -> Result<Vec<f32>, ModelError> {
        floats(&self.tensor(name, &[len])?)
    }

    /// A norm's weights; `offset` is added to what the file holds.
    pub(crate) fn norm(
        &self,
        name: TensorName,
        len: usize,
        offset: f32,
    ) -> Result<Vec<f32>, ModelError> {
        let mut weights = self.vector(name, len)?;
        for weight in &mut weights {
            *weight += offset;
        }
        Ok(weights)
    }

    /// A matrix of the embedding or the head.
    pub(crate) fn matrix(
        &self,
        kernels: &Kernels,
        name: TensorName,
        (rows, cols): (usize, usize),
    ) -> Result<PackedMatrix, ModelError> {
        let tensor = self.tensor(name, &[rows, cols])?;
        Ok(PackedMatrix::pack(kernels, &[tensor])?)
    }

    /// Values and bytes of all tensors in the files.
    pub(crate) fn totals(&self) -> (u64, u64) {
        match self {
            Self::Gguf(shards) => shards.totals(),
            Self::Safetensors(shards) => shards.totals(),
        }
    }
}

/// A tensor's values as floats.
pub(crate) fn floats(tensor: &TensorBytes<'_>) -> Result<Vec<f32>, ModelError> {
    let mut values = vec![0.0; tensor.rows * tensor.cols];
    dequantise(tensor.format, tensor.bytes, &mut values)?;
    Ok(values)
}

/// A tensor of a proved shape; a vector becomes one row.
pub(super) fn tensor_bytes<'a>(
    format: Format,
    shape: &[usize],
    bytes: &'a [u8],
) -> TensorBytes<'a> {
    let cols = shape.last().copied().unwrap_or(1);
    let rows = shape.iter().rev().skip(1).product();
    TensorBytes {
        format,
        rows,
        cols,
        bytes,
    }
}
