//! A provider's model behind `generate`: any service that speaks OpenAI's API.
//!
//! A request's way: [`UpstreamStage`] writes what is asked (`request`); [`Upstream`] sends it and waits
//! for the first piece of the answer, again and with growing pauses while that may help (`retry`); then
//! the pieces are handed on as they come (`reading`), and the tokens that the provider counted are noted.
//! Dropping the answer closes the connection.
//!
//! The API's own client writes the request and reads the frames. Between it and the socket stands
//! `transport`, which looks at the answer's head, and counts bytes: the client's queue of frames has no
//! bound of its own, and so `max_response_bytes` is its bound.
//!
//! Keys are [`Secret`]s: they are sent, and are never shown, also where a provider repeats them.

mod chunk;
mod options;
mod reading;
mod request;
mod retry;
mod secret;
mod stage;
#[cfg(test)]
mod tests;
mod transport;
mod trouble;
#[expect(
    clippy::module_inception,
    reason = "the room is named after what is in it"
)]
mod upstream;

pub use options::{MaxTokensField, UpstreamOptions};
pub use secret::Secret;
pub use stage::UpstreamStage;
pub use upstream::Upstream;
