//! Multiplexing: a replica holds several models, of which each request names one.
//!
//! [`Multiplexed`] is what a stage keeps them in: it loads a model when it is asked for, and lets the one
//! go that was unused for longest. A request says by [`Call::model`](super::Call::model) which it needs
//! (the header `serve_multiplexed_model_id`), and a stage that answers
//! [`Stage::holds_model`](super::Stage::holds_model) gets those first whose model it has.

mod models;
#[cfg(test)]
mod tests;

pub use models::Multiplexed;
