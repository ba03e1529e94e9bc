//! Documents into a collection: files are read, cut into chunks, encoded and stored.
//!
//! [`ingest`] walks the paths (`walk`), reads each file as what its name says it is (`read`), cuts it
//! at paragraphs and sentences (`chunk`), and brings the collection to that state (`run`): a chunk is
//! named by a hash of where it is from and what it says, so what did not change is neither encoded
//! nor stored again, and what vanished is removed. Every batch is stored as it is done; a run that
//! was cut off goes on where it was when it is repeated. A file that cannot be read is reported and
//! keeps what it had; the others go on.

mod chunk;
mod document;
mod error;
mod event;
mod options;
mod origin;
mod plan;
mod read;
mod run;
mod walk;

#[cfg(test)]
mod tests;

pub use chunk::{ChunkSize, ChunkUnit};
pub use error::IngestError;
pub use event::{Failure, IngestEvent, Summary};
pub use options::IngestOptions;
pub use run::ingest;
