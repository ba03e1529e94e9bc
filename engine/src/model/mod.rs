//! Models: what lies on disk, made into something that turns a plan into logits.
//!
//! Knows neither scheduler nor HTTP. The layer above sees [`Forward`] only, so that tests can put a
//! model of their own in its place.

mod error;
mod forward;

pub use error::ModelError;
pub use forward::{Forward, Logits};
