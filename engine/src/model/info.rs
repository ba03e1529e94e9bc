//! What a person wants to know about a loaded model.

use crate::Isa;

/// Facts about a model, for banners, `/v1/models` and logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    /// The name that the files give, else the file's or folder's.
    pub name: String,
    /// `llama`, `mistral`, `qwen2`, `qwen3` or `gemma3`.
    pub architecture: &'static str,
    /// Weights, in number; a matrix that serves as embedding and head counts once.
    pub parameters: u64,
    /// Bytes of the tensors on disk.
    pub file_bytes: u64,
    /// Bytes of the weights in memory, packed for the kernels.
    pub weight_bytes: u64,
    /// Bytes of the KV cache: whole blocks within the configured size.
    pub kv_cache_bytes: u64,
    /// Blocks of the KV cache.
    pub num_blocks: usize,
    /// The instruction set that its kernels use.
    pub isa: Isa,
    /// Positions that the model was made for; `max_model_len` of the limits may be less.
    pub max_positions: usize,
    /// What a user should know about how this model is run.
    pub notes: Vec<String>,
}
