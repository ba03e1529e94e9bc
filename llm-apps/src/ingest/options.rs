//! How documents are cut, and bounds.

use std::path::PathBuf;

use super::chunk::ChunkSize;
use super::error::IngestError;

/// How an ingestion works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestOptions {
    /// How long chunks are. Default: 200 tokens, 30 of them shared with the chunk before.
    pub chunk: ChunkSize,
    /// The folder from which files are told apart: a file keeps its chunks when the folder is moved with
    /// it, and wherever the ingestion is run. Default: the working directory.
    pub base: PathBuf,
    /// Largest file that is read, in bytes. Default: 64 MiB.
    pub max_file_bytes: u64,
    /// Most files of one run. Default: 100,000.
    pub max_files: usize,
    /// Chunks that are encoded and stored at a time. Default: 64.
    pub batch: usize,
}

impl Default for IngestOptions {
    fn default() -> Self {
        Self {
            chunk: ChunkSize::default(),
            base: PathBuf::new(),
            max_file_bytes: 64 << 20,
            max_files: 100_000,
            batch: 64,
        }
    }
}

impl IngestOptions {
    pub(super) fn prove(&self) -> Result<(), IngestError> {
        self.chunk.prove().map_err(IngestError::Options)?;
        if !(1..=1024).contains(&self.batch) {
            let batch = self.batch;
            let why = format!("batch must be from 1 to 1024 chunks, but is {batch}");
            return Err(IngestError::Options(why));
        }
        Ok(())
    }
}
