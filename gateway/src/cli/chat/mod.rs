//! `penstock chat`: a conversation in the terminal, over the same API that every client uses.

mod client;
mod command;
mod session;

pub(super) use client::Client;
pub(super) use command::chat;
#[cfg(test)]
pub(super) use {command::converse, session::Session};
