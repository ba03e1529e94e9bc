//! GGUF files as a source of weights: one file, or the parts into which llama.cpp splits large ones.

use std::path::{Path, PathBuf};

use super::TensorName;
use super::source::tensor_bytes;
use crate::gguf::{GgmlType, GgufError, GgufFile, Metadata, TensorInfo};
use crate::kernels::{Format, TensorBytes};
use crate::model::ModelError;

/// The parts of one model. The first holds the metadata; tensors are spread over all.
#[derive(Debug)]
pub(crate) struct GgufShards {
    first: Shard,
    rest: Vec<Shard>,
}

#[derive(Debug)]
struct Shard {
    path: PathBuf,
    file: GgufFile,
}

impl GgufShards {
    /// Opens the parts in order.
    pub(crate) fn open(first: &Path, rest: &[PathBuf]) -> Result<Self, ModelError> {
        Ok(Self {
            first: Shard::open(first)?,
            rest: rest
                .iter()
                .map(|path| Shard::open(path))
                .collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn metadata(&self) -> Metadata<'_> {
        self.first.file.metadata()
    }

    /// A fault in the metadata, with the file that holds them.
    pub(crate) fn error(&self, error: GgufError) -> ModelError {
        ModelError::from(error).at(&self.first.path)
    }

    pub(crate) fn missing(&self, name: TensorName) -> ModelError {
        let name = name.gguf();
        ModelError::MissingTensor { name }.at(&self.first.path)
    }

    /// The shape of a tensor, rows first; `None` where the files have no such tensor.
    pub(crate) fn shape(&self, name: TensorName) -> Option<Vec<usize>> {
        self.find(&name.gguf())
            .map(|(_, tensor)| tensor.shape.to_vec())
    }

    /// The tensor, which must have the shape `expected`.
    pub(crate) fn tensor(
        &self,
        name: TensorName,
        expected: &[usize],
    ) -> Result<TensorBytes<'_>, ModelError> {
        match self.find(&name.gguf()) {
            Some((shard, tensor)) => {
                proved(&tensor, expected).map_err(|error| error.at(&shard.path))
            }
            None => Err(self.missing(name)),
        }
    }

    /// Values and bytes of all tensors.
    pub(crate) fn totals(&self) -> (u64, u64) {
        self.shards().flat_map(|shard| shard.file.tensors()).fold(
            (0, 0),
            |(values, bytes), tensor| {
                let count: usize = tensor.shape.iter().product();
                (values + count as u64, bytes + tensor.bytes.len() as u64)
            },
        )
    }

    fn shards(&self) -> impl Iterator<Item = &Shard> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    fn find(&self, name: &str) -> Option<(&Shard, TensorInfo<'_>)> {
        self.shards()
            .find_map(|shard| Some((shard, shard.file.get_tensor(name)?)))
    }
}

impl Shard {
    fn open(path: &Path) -> Result<Self, ModelError> {
        let file = GgufFile::open(path).map_err(|error| ModelError::from(error).at(path))?;
        let path = path.to_owned();
        Ok(Self { path, file })
    }
}

fn proved<'a>(tensor: &TensorInfo<'a>, expected: &[usize]) -> Result<TensorBytes<'a>, ModelError> {
    let name = || tensor.name.to_owned();
    if tensor.shape != expected {
        return Err(ModelError::Shape {
            name: name(),
            expected: expected.to_vec(),
            found: tensor.shape.to_vec(),
        });
    }
    let Some(format) = format(tensor.ggml_type) else {
        return Err(ModelError::Format {
            name: name(),
            found: format!("{:?}", tensor.ggml_type),
            supported: Format::ALL.map(Format::name).join(", "),
        });
    };
    Ok(tensor_bytes(format, expected, tensor.bytes))
}

fn format(ggml_type: GgmlType) -> Option<Format> {
    Some(match ggml_type {
        GgmlType::F32 => Format::F32,
        GgmlType::F16 => Format::F16,
        GgmlType::BF16 => Format::Bf16,
        GgmlType::Q4_0 => Format::Q4_0,
        GgmlType::Q4_1 => Format::Q4_1,
        GgmlType::Q5_0 => Format::Q5_0,
        GgmlType::Q5_1 => Format::Q5_1,
        GgmlType::Q8_0 => Format::Q8_0,
        GgmlType::Q2_K => Format::Q2K,
        GgmlType::Q3_K => Format::Q3K,
        GgmlType::Q4_K => Format::Q4K,
        GgmlType::Q5_K => Format::Q5K,
        GgmlType::Q6_K => Format::Q6K,
        GgmlType::F64
        | GgmlType::I8
        | GgmlType::I16
        | GgmlType::I32
        | GgmlType::I64
        | GgmlType::IQ1_S
        | GgmlType::IQ1_M
        | GgmlType::IQ2_XXS
        | GgmlType::IQ2_XS
        | GgmlType::IQ2_S
        | GgmlType::IQ3_XXS
        | GgmlType::IQ3_S
        | GgmlType::IQ4_NL
        | GgmlType::IQ4_XS
        | GgmlType::TQ1_0
        | GgmlType::TQ2_0
        | GgmlType::MXFP4 => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_that_files_may_have_are_those_that_kernels_compute() {
        let computed: Vec<_> = GgmlType::all().filter(|t| format(*t).is_some()).collect();
        for ggml_type in &computed {
            assert!(GgmlType::COMPUTED.contains(ggml_type), "{ggml_type:?}");
        }
        assert_eq!(computed.len(), GgmlType::COMPUTED.len());
    }
}
