//! The handles that are all of an engine that the outside sees: [`Engine`] to submit,
//! [`TokenStream`] to read.
//!
//! Guards are the only owners: dropping a stream cancels its request, dropping the last engine
//! handle ends and joins the engine's thread.

mod clock;
mod engine;
mod start;
mod stream;
#[cfg(test)]
mod tests;

#[cfg(feature = "encoders")]
pub(crate) use clock::monotonic;
pub use engine::Engine;
pub use start::StartError;
pub use stream::TokenStream;
