//! Both kinds of files as one source, and from its tensors what the model holds: packed matrices
//! and vectors.

use super::{GgufShards, LayerTensor, SafetensorsShards, TensorName};
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

    /// The same vector of several tensors of a layer, one after the other.
    pub(crate) fn layer_vector(
        &self,
        layer: usize,
        parts: &[(LayerTensor, usize)],
    ) -> Result<Vec<f32>, ModelError> {
        let mut values = Vec::new();
        for &(tensor, len) in parts {
            values.extend(self.vector(TensorName::Layer(layer, tensor), len)?);
        }
        Ok(values)
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

    /// Matrices of a layer with `cols` columns each, stacked: one product instead of several.
    pub(crate) fn layer_matrix(
        &self,
        kernels: &Kernels,
        layer: usize,
        parts: &[(LayerTensor, usize)],
        cols: usize,
    ) -> Result<PackedMatrix, ModelError> {
        let tensors = parts
            .iter()
            .map(|&(tensor, rows)| self.tensor(TensorName::Layer(layer, tensor), &[rows, cols]))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(PackedMatrix::pack(kernels, &tensors)?)
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
