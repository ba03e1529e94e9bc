//! A model without weights, for tests of everything that stands on the engine.
//!
//! [`FakeModel`] is quick and deterministic, and it is strict where a real model is silent: its
//! answers are made from the tokens that it finds in the KV blocks it was told to use, so a wrong
//! block table, a stale prefix block or a wrong position changes the answer or fails the step.

mod fake_model;
mod latch;
#[cfg(test)]
mod tests;

pub use fake_model::{FakeModel, FakeToken};
pub use latch::Latch;
