//! The commands of `penstock`, one a file.
//!
//! Commands write to a [`Terminal`] that is passed in, return errors with their causes, and know the
//! environment only as a value. Exit codes: 0 when it went well, 1 for an error, 2 for arguments that
//! cannot be, 130 when it was interrupted.

mod administer;
mod arguments;
mod build;
mod chat;
mod completions;
mod dispatch;
mod encoders;
mod ingest;
mod log;
mod models;
mod progress;
mod pull;
mod replica;
mod report;
mod run;
mod source;
mod table;
mod terminal;
mod version;

#[cfg(test)]
mod tests;

pub(crate) use arguments::Arguments;
pub(crate) use dispatch::dispatch;
pub(crate) use log::log_to_stderr;
pub(crate) use report::report;
pub(crate) use terminal::Terminal;
