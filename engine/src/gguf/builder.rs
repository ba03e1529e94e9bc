//! Writes small GGUF files for tests: right ones, and through its public parts wrong ones.

use std::iter;

use super::tensor::GgmlType;

/// Parts of a file; [`Builder::build`] puts them together.
#[derive(Debug, Clone)]
pub(crate) struct Builder {
    pub(crate) version: u32,
    pub(crate) pairs: Vec<(String, Vec<u8>)>,
    /// Name, shape (slowest first), type number, data.
    pub(crate) tensors: Vec<(String, Vec<u64>, u32, Vec<u8>)>,
    pub(crate) alignment: usize,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            version: 3,
            pairs: Vec::new(),
            tensors: Vec::new(),
            alignment: 32,
        }
    }

    /// A pair whose value is given as it stands in the file, type number first.
    pub(crate) fn raw(mut self, key: &str, value: Vec<u8>) -> Self {
        self.pairs.push((key.to_owned(), value));
        self
    }

    pub(crate) fn u32(self, key: &str, value: u32) -> Self {
        self.raw(key, [4_u32.to_le_bytes(), value.to_le_bytes()].concat())
    }

    pub(crate) fn f32(self, key: &str, value: f32) -> Self {
        self.raw(key, [6_u32.to_le_bytes(), value.to_le_bytes()].concat())
    }

    pub(crate) fn bool(self, key: &str, value: bool) -> Self {
        let mut bytes = 7_u32.to_le_bytes().to_vec();
        bytes.push(u8::from(value));
        self.raw(key, bytes)
    }

    pub(crate) fn str(self, key: &str, value: &str) -> Self {
        self.raw(key, [&8_u32.to_le_bytes()[..], &string(value)].concat())
    }

    pub(crate) fn strs(self, key: &str, values: &[&str]) -> Self {
        let elements = values.iter().map(|value| string(value));
        self.raw(key, array(8, values.len(), elements))
    }

    pub(crate) fn i32s(self, key: &str, values: &[i32]) -> Self {
        let elements = values.iter().map(|value| value.to_le_bytes().to_vec());
        self.raw(key, array(5, values.len(), elements))
    }

    /// An F32 tensor.
    pub(crate) fn tensor(self, name: &str, shape: &[u64], data: &[f32]) -> Self {
        let bytes = data.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.raw_tensor(name, shape, GgmlType::F32, bytes)
    }

    pub(crate) fn raw_tensor(
        mut self,
        name: &str,
        shape: &[u64],
        ggml_type: GgmlType,
        bytes: Vec<u8>,
    ) -> Self {
        let id = ggml_type.id();
        self.tensors
            .push((name.to_owned(), shape.to_vec(), id, bytes));
        self
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        let mut file = b"GGUF".to_vec();
        file.extend(self.version.to_le_bytes());
        file.extend((self.tensors.len() as u64).to_le_bytes());
        file.extend((self.pairs.len() as u64).to_le_bytes());
        for (key, value) in &self.pairs {
            file.extend(string(key));
            file.extend(value);
        }
        let mut data = Vec::new();
        for (name, shape, id, bytes) in &self.tensors {
            file.extend(string(name));
            file.extend((u32::try_from(shape.len()).unwrap()).to_le_bytes());
            for size in shape.iter().rev() {
                file.extend(size.to_le_bytes());
            }
            file.extend(id.to_le_bytes());
            file.extend((data.len() as u64).to_le_bytes());
            data.extend(bytes);
            pad(&mut data, self.alignment);
        }
        pad(&mut file, self.alignment);
        file.extend(data);
        file
    }
}

/// A string as it stands in the file.
pub(crate) fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

/// An array as it stands in the file, type number first.
pub(crate) fn array(
    element_type: u32,
    count: usize,
    elements: impl Iterator<Item = Vec<u8>>,
) -> Vec<u8> {
    let mut bytes = 9_u32.to_le_bytes().to_vec();
    bytes.extend(element_type.to_le_bytes());
    bytes.extend((count as u64).to_le_bytes());
    bytes.extend(elements.flatten());
    bytes
}

fn pad(bytes: &mut Vec<u8>, alignment: usize) {
    let missing = bytes.len().next_multiple_of(alignment) - bytes.len();
    bytes.extend(iter::repeat_n(0, missing));
}
