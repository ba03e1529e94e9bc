//! Token ids in, token ids out.
//!
//! The engine turns token ids into token ids by continuous batching over a paged KV cache. It knows
//! no HTTP and no application; what stands outside sees [`Engine`], the small models beside it
//! ([`Encoder`] for texts as vectors, [`Classifier`] for texts as labels, [`Translator`] for texts as
//! other texts), and the text tools ([`tokenizer`]); [`open`] makes an engine from a model on disk.
//! Rooms, from the ground up:
//!
//! `error` `event` `config` `batch` - `mapped` `gguf` `kv_cache` `step_cost` `kernels` `hub` -
//! `tokenizer` - `constraint` - `request` - `sequence` `sampler` - `scheduler` `model` - `invariants` `speculation`
//! `kv_tiers` - `core` - `handle` - `open` `checkpoint` - `batching` `bert` - `encoder` `classifier`
//! `translator`. No arrow runs back up.

mod batch;
#[cfg(feature = "encoders")]
mod batching;
#[cfg(feature = "encoders")]
mod bert;
#[cfg(feature = "encoders")]
mod checkpoint;
#[cfg(feature = "encoders")]
mod classifier;
mod config;
pub mod constraint;
mod core;
#[cfg(feature = "encoders")]
mod encoder;
mod error;
mod event;
pub mod gguf;
mod handle;
pub mod hub;
mod invariants;
pub mod kernels;
mod kv_cache;
mod kv_tiers;
mod mapped;
pub mod model;
mod open;
mod request;
pub mod sampler;
mod scheduler;
mod sequence;
mod speculation;
mod step_cost;
#[doc(hidden)]
pub mod testing;
pub mod tokenizer;
#[cfg(feature = "encoders")]
mod translator;

pub use crate::core::{EngineStats, StepTimes};
pub use batch::{BatchPlan, BlockId, LogitRows, ScheduledSequence, SequenceId};
#[cfg(feature = "encoders")]
pub use batching::EncoderConfig;
#[cfg(feature = "encoders")]
pub use checkpoint::{EncodeError, EncodedText, EncoderError, Overlong};
#[cfg(feature = "encoders")]
pub use classifier::{Classifier, ClassifierInput, LabelScores};
pub use config::{
    Activations, BLOCK_SIZE, Device, DiskTierConfig, EngineConfig, Isa, KvCacheDtype,
    KvTiersConfig, Speculation, SpeculationMethod,
};
#[cfg(feature = "encoders")]
pub use encoder::{Dimensions, Encoder};
pub use error::EngineError;
pub use event::{FinishReason, TokenEvent, TokenLogprobs, Usage};
pub use handle::{Engine, StartError, TokenStream};
pub use kv_cache::{BlockCounts, TierStats};
pub use kv_tiers::TierError;
pub use model::{Forward, Logits, ModelError, Workers};
pub use open::{OpenError, OpenModel, open, open_tokenizer};
pub use request::{GenerateRequest, InvalidRequest, MAX_LOGPROBS, ModelLimits, SamplingParams};
pub use scheduler::Counters;
#[cfg(feature = "encoders")]
pub use translator::{Translation, Translator, TranslatorConfig};
