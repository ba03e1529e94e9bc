//! A model on a thread of its own that computes what waits together.
//!
//! Callers send inputs into a bounded queue ([`Batcher`]); the thread takes up to a batch of them,
//! turns each to ids, cuts the batch into groups of like length, so that little is computed for
//! padding, and answers each (`worker`). What a model has to be for that is [`BatchModel`].

mod batcher;
mod config;
mod model;
mod worker;

pub(crate) use batcher::Batcher;
pub use config::EncoderConfig;
pub(crate) use model::BatchModel;
