//! Models: what lies on disk, made into something that turns a plan into logits.
//!
//! [`ModelFiles::find`] says what is there, [`load`] reads it: the spec from the model's own
//! description, the weights from memory-mapped files into packed matrices. The layer above sees
//! [`Forward`] only, so that tests can put a model of their own in its place. This room knows
//! neither scheduler nor HTTP.

#[cfg(any(test, feature = "cuda"))]
mod device;
mod eos;
mod error;
mod files;
mod forward;
mod identity;
mod info;
mod llama;
mod load;
mod packed;
mod spec;
#[cfg(test)]
mod tests;
mod weights;

pub use error::ModelError;
pub use files::{ModelFiles, ModelFolder, WeightFiles};
pub use forward::{Forward, Logits, Workers};
pub use info::ModelInfo;
pub use llama::LlamaRunner;
pub use load::{LoadedModel, load, load_draft, verify};
