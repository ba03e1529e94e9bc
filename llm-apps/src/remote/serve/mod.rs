//! The child's side: one connection, one engine.

mod connection;
mod service;

pub use connection::serve_replica;
#[cfg(test)]
pub(super) use connection::serve_with;
pub(super) use connection::{CONNECTION_WINDOW, MAX_MESSAGE, STREAM_WINDOW};
