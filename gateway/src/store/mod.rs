//! What must survive a restart: files, batches and the outcome of each of their lines, stored responses,
//! conversations.
//!
//! Records live in one redb file, `gateway.redb`, below the server's data folder; large bodies lie beside it, one
//! file each, in `files/`. redb and not SQLite: it is pure Rust and in the program already (the vector store),
//! nobody asks these records questions that need SQL, and one writer at a time is what a front door has. Records
//! are JSON, so that a field can be added without moving the old ones.
//!
//! **Crashes.** Each change is one transaction that is on disk when it returns. A body is written under another
//! name, synced and renamed before the record that names it is committed; what a crash leaves without a record is
//! removed when the folder is opened again. The outcome of a batch's line is inserted only where there is none, in
//! the transaction that also counts it, so that no line has two.
//!
//! **Threads.** redb blocks, so every call runs on tokio's blocking threads, a few at a time ([`Store::run`]).
//! The folder is made and locked when something is first kept; one process holds it at a time.

mod batches;
mod bodies;
mod conversations;
mod error;
mod files;
mod folder;
mod responses;
mod shelf;
#[cfg(test)]
mod tests;

pub(crate) use batches::{BatchRecord, BatchStatus, Counts, LineFault, Outcome, Outputs};
pub(crate) use bodies::Upload;
pub(crate) use conversations::{ConversationRecord, MAX_CONVERSATIONS, page_of};
pub(crate) use error::StoreError;
pub(crate) use files::{FileFilter, FileRecord};
pub(crate) use folder::Store;
pub(crate) use responses::{
    Earlier, Failure, OutputItem, ResponseRecord, ResponseStatus, Room, TokenCounts,
};
pub(crate) use shelf::{Order, Page, PageRequest};
