//! Token ids in, token ids out.
//!
//! The engine turns token ids into token ids by continuous batching over a paged KV cache. It knows
//! no HTTP and no application; what stands outside sees [`Engine`] and the text tools beside it
//! ([`tokenizer`]). Rooms, from the ground up:
//!
//! `error` `request` `event` `config` `mapped` `gguf` - `kv_cache` `kernels` - `sequence` `tokenizer`
//! `sampler` - `batch` - `scheduler` `model` - `core` - `handle`. No arrow runs back up.

mod batch;
mod config;
mod error;
mod event;
pub mod gguf;
pub mod kernels;
mod mapped;
pub mod model;
mod request;
pub mod tokenizer;

pub use batch::{BatchPlan, BlockId, LogitRows, ScheduledSequence, SequenceId};
pub use config::{BLOCK_SIZE, EngineConfig, Isa};
pub use error::EngineError;
pub use event::{FinishReason, TokenEvent, TokenLogprobs, Usage};
pub use model::{Forward, Logits, ModelError};
pub use request::{GenerateRequest, InvalidRequest, MAX_LOGPROBS, ModelLimits, SamplingParams};
