//! `embed`: texts to vectors.
//!
//! All stages that use one encoder share it, and with it the batches that it makes of what is asked at
//! the same time.

mod options;
mod stage;
#[cfg(test)]
mod tests;

pub use options::EmbedOptions;
pub use stage::EmbedStage;
