//! What an architecture is, read from a model's own description and proved.
//!
//! One [`ModelSpec`] for all architectures, whatever the file: GGUF metadata and `config.json` are
//! two ways to write it. Descriptions come from strangers: a spec that exists has sane sizes, so
//! that nothing behind it can overflow, divide by zero or ask for absurd memory.

mod config_json;
mod config_rope;
mod gguf;
mod layers;
mod rope;
mod shape;
mod shared;
#[cfg(test)]
mod tests;

pub(crate) use config_json::from_config_json;
pub(crate) use gguf::from_gguf;
pub(crate) use layers::Activation;
pub(crate) use rope::RopeSpec;
pub(crate) use shape::ModelSpec;
use shared::{cap_to_window, head_dim_of, inverse_root};
