//! GGUF, the file format of llama.cpp: metadata and quantised tensors in one file.
//!
//! The format is specified in <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>: a header
//! (magic, version, counts), key-value pairs, tensor descriptions, padding, tensor data; all
//! little-endian. Files come from strangers, so nothing in one is believed: every length is checked
//! against the bytes that are left before it is used, nesting is bounded, and nothing is allocated
//! that the file's own size does not justify. Values are not copied; getters decode them on demand.

#[cfg(test)]
pub(crate) mod builder;
mod cursor;
mod error;
mod file;
#[doc(hidden)]
pub mod fuzz;
mod metadata;
mod tensor;
#[cfg(test)]
mod tests;
mod value;

pub use error::GgufError;
pub use file::GgufFile;
pub use metadata::{FromValue, Metadata};
pub use tensor::{GgmlType, TensorInfo};
