//! Where weights come from: GGUF and safetensors behind one interface.
//!
//! Both are memory-mapped; a tensor is a view of the file until it is packed for the kernels. A
//! tensor has one canonical name ([`TensorName`]) and a spelling in each kind of file.

mod gguf;
mod names;
mod safetensors;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use gguf::GgufShards;
pub(crate) use names::{LayerTensor, TensorName};
pub(crate) use safetensors::SafetensorsShards;
pub(crate) use source::{Weights, floats};
