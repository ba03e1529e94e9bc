//! The server's socket: accepting, and the order of going away.
//!
//! `serve` takes its listener and its stop signal, so that tests and `main` own both. Every task it
//! starts is joined before it returns. On shutdown: (1) `/readyz` turns 503 while everything is
//! still served, for `drain_settle`; (2) the listener closes and new requests on connections that
//! were kept open are told 503 and `connection: close`; running and queued answers go on; (3) after
//! `graceful_shutdown_timeout`, what still runs is ended with an error; (4) connections are closed,
//! and those that do not go are dropped.

mod accept;
mod drain;

pub(crate) use accept::Connections;
pub use drain::serve;
