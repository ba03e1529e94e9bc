//! Server-sent events, and what happens when one side goes away.
//!
//! **Framing.** Each chunk is one `data:` line with one line of JSON and an empty line behind it.
//! When nothing was said for `keep_alive_interval`, a comment line goes out, which clients skip and
//! proxies count as life. A whole answer ends in `data: [DONE]`.
//!
//! **The server fails.** Headers are held until the first event, so an error before it is a plain
//! response with its true status. An error after it is one last frame, `data: {"error": ...}`, in
//! the same shape, and then the stream ends *without* `[DONE]`: that line says that the answer is
//! whole, and nobody should be told so who looks for it alone.
//!
//! **The client leaves.** hyper notices when the socket closes, also while it has nothing to write,
//! and drops the response body. The body owns everything: [`EventStream`] drops the engine's
//! streams, which cancels their sequences within one step; the permit, which lets the next request
//! in; the meter, which counts an abort; and the gauge of open streams. No other part of the server
//! has to hear of it, so there is no message that could be lost.
//!
//! **The client reads slowly.** Then the body is not polled, events wait in the engine's bounded
//! channels, and the engine goes on with the others (E6). What has gathered goes out in one piece
//! when the client reads again; nothing is dropped.
//!
//! **The server stops.** Streams go on while the server drains. After `graceful_shutdown_timeout`
//! each gets the error frame that says so. A client that does not even read that loses its
//! connection.

mod feed;
mod frames;
mod stream;

pub(crate) use feed::{Feed, respond_with};
pub(crate) use frames::Frames;
pub(crate) use stream::{Encode, respond};
