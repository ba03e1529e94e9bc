//! Safetensors files as a source of weights: one, or several with an index.
//!
//! The header is parsed and proved by the `safetensors` crate; which bytes lie in the file is
//! checked here once more, with arithmetic that cannot overflow.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Component, Path, PathBuf};

use memmap2::Mmap;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::Deserialize;

use super::TensorName;
use super::source::tensor_bytes;
use crate::kernels::{Format, TensorBytes};
use crate::mapped::map_file;
use crate::model::ModelError;

/// Longest header, in bytes; the crate's own bound.
const MAX_HEADER: u64 = 100_000_000;
/// Longest index, in bytes: many times that of the largest models.
const MAX_INDEX: u64 = 64 << 20;

/// The files of one model. A tensor is looked for in the file that the index names.
#[derive(Debug)]
pub(crate) struct SafetensorsShards {
    /// The only file, or the index.
    path: PathBuf,
    shards: Vec<Shard>,
    /// Which shard has a tensor; `None` with a single file.
    index: Option<HashMap<String, usize>>,
}

#[derive(Debug)]
struct Shard {
    path: PathBuf,
    map: Mmap,
    metadata: Metadata,
    /// Where the data begin.
    data: usize,
}

/// `model.safetensors.index.json`.
#[derive(Deserialize)]
struct Index {
    weight_map: HashMap<String, String>,
}

impl SafetensorsShards {
    /// Opens a single file.
    pub(crate) fn open(path: &Path) -> Result<Self, ModelError> {
        Ok(Self {
            path: path.to_owned(),
            shards: vec![Shard::open(path)?],
            index: None,
        })
    }

    /// Opens all files that an index names; they lie beside it.
    pub(crate) fn open_indexed(path: &Path) -> Result<Self, ModelError> {
        let index = read_index(path).map_err(|error| error.at(path))?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let names: BTreeSet<&str> = index.weight_map.values().map(String::as_str).collect();
        let mut shards = Vec::new();
        let mut numbers = HashMap::new();
        for name in names {
            if !is_plain_name(name) {
                let fault = format!("the index names {name:?}, which is not a file beside it");
                return Err(ModelError::Safetensors(fault).at(path));
            }
            numbers.insert(name.to_owned(), shards.len());
            shards.push(Shard::open(&folder.join(name))?);
        }
        let by_tensor = index.weight_map.iter();
        let index = by_tensor
            .filter_map(|(tensor, shard)| Some((tensor.clone(), *numbers.get(shard)?)))
            .collect();
        Ok(Self {
            path: path.to_owned(),
            shards,
            index: Some(index),
        })
    }

    /// The tensor, which must have the shape `expected`.
    pub(crate) fn tensor(
        &self,
        name: TensorName,
        expected: &[usize],
    ) -> Result<TensorBytes<'_>, ModelError> {
        let name = name.safetensors().unwrap_or_default();
        let shard = match &self.index {
            None => self.shards.first(),
            Some(index) => index.get(&name).and_then(|&shard| self.shards.get(shard)),
        };
        let Some(shard) = shard else {
            return Err(ModelError::MissingTensor { name }.at(&self.path));
        };
        shard
            .tensor(&name, expected)
            .map_err(|error| error.at(&shard.path))
    }

    /// Values and bytes of all tensors.
    pub(crate) fn totals(&self) -> (u64, u64) {
        let infos = self.shards.iter().flat_map(|shard| {
            shard
                .metadata
                .tensors()
                .into_values()
                .cloned()
                .collect::<Vec<_>>()
        });
        infos.fold((0, 0), |(values, bytes), info| {
            let count: usize = info.shape.iter().product();
            let (start, end) = info.data_offsets;
            (values + count as u64, bytes + (end - start) as u64)
        })
    }
}

impl Shard {
    fn open(path: &Path) -> Result<Self, ModelError> {
        let map = map_file(path).map_err(|error| ModelError::Io(error).at(path))?;
        let (metadata, data) = read_header(&map).map_err(|error| error.at(path))?;
        let path = path.to_owned();
        Ok(Self {
            path,
            map,
            metadata,
            data,
        })
    }

    fn tensor(&self, name: &str, expected: &[usize]) -> Result<TensorBytes<'_>, ModelError> {
        let name = || name.to_owned();
        let info = self
            .metadata
            .info(&name())
            .ok_or_else(|| ModelError::MissingTensor { name: name() })?;
        if info.shape != expected {
            return Err(ModelError::Shape {
                name: name(),
                expected: expected.to_vec(),
                found: info.shape.clone(),
            });
        }
        let Some(format) = format(info.dtype) else {
            return Err(ModelError::Format {
                name: name(),
                found: format!("{:?}", info.dtype),
                supported: "F32, F16, BF16".to_owned(),
            });
        };
        let bytes = self.bytes(info).ok_or_else(|| {
            ModelError::Safetensors(format!("tensor {:?} lies outside the file", name()))
        })?;
        Ok(tensor_bytes(format, expected, bytes))
    }

    fn bytes(&self, info: &TensorInfo) -> Option<&[u8]> {
        let (start, end) = info.data_offsets;
        let range = self.data.checked_add(start)?..self.data.checked_add(end)?;
        self.map.get(range)
    }
}

/// The header of a file, and where its data begin.
fn read_header(bytes: &[u8]) -> Result<(Metadata, usize), ModelError> {
    let fault = |fault: String| ModelError::Safetensors(fault);
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
        return Err(fault(format!("the file has {} bytes", bytes.len())));
    };
    let length = u64::from_le_bytes(*length);
    if length > MAX_HEADER {
        return Err(fault(format!(
            "a header of {length} bytes is announced; at most {MAX_HEADER} are possible"
        )));
    }
    let header = usize::try_from(length)
        .ok()
        .and_then(|length| rest.get(..length))
        .ok_or_else(|| {
            fault(format!(
                "truncated: a header of {length} bytes is announced, but {} bytes follow",
                rest.len()
            ))
        })?;
    let metadata: Metadata =
        serde_json::from_slice(header).map_err(|error| fault(format!("its header: {error}")))?;
    let (announced, present) = (metadata.data_len(), rest.len() - header.len());
    if announced != present {
        return Err(fault(format!(
            "truncated or corrupt: {announced} bytes of data are announced, but {present} follow"
        )));
    }
    Ok((metadata, bytes.len() - present))
}

fn read_index(path: &Path) -> Result<Index, ModelError> {
    let size = fs::metadata(path)?.len();
    if size > MAX_INDEX {
        return Err(ModelError::Safetensors(format!(
            "an index of {size} bytes; at most {MAX_INDEX} are possible"
        )));
    }
    serde_json::from_slice(&fs::read(path)?)
        .map_err(|error| ModelError::Safetensors(format!("its index: {error}")))
}

/// Whether a name is one file's, and leads nowhere else.
fn is_plain_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let first = components.next();
    matches!(first, Some(Component::Normal(only)) if only == name) && components.next().is_none()
}

fn format(dtype: Dtype) -> Option<Format> {
    let formats = [
        (Dtype::F32, Format::F32),
        (Dtype::F16, Format::F16),
        (Dtype::BF16, Format::Bf16),
    ];
    let found = formats.iter().find(|(known, _)| *known == dtype);
    found.map(|&(_, format)| format)
}
