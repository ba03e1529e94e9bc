//! The engine's types as messages and back. Floats travel as they are, so that both ways lose nothing.

mod event;
mod request;
mod status;
#[cfg(test)]
mod tests;

pub(super) use event::{from_event, to_event};
pub(super) use request::{from_request, to_request};
pub(super) use status::{from_stats, to_stats};
