//! Files of clients and of batches.

use std::path::PathBuf;

use redb::ReadableDatabase;
use serde::{Deserialize, Serialize};

use super::batches::BatchRecord;
use super::bodies::{self, Upload};
use super::error::StoreError;
use super::folder::{Opened, Store};
use super::shelf::{self, FILES, Kept, Page, PageRequest, Shelf};

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileRecord {
    /// Also the name of its body on disk.
    pub(crate) id: String,
    pub(crate) bytes: u64,
    /// Seconds since 1970.
    pub(crate) created_at: u64,
    /// Likewise; `None` keeps it.
    pub(crate) expires_at: Option<u64>,
    /// The client's own name for it.
    pub(crate) filename: String,
    /// OpenAI's word for what it is for.
    pub(crate) purpose: String,
}

/// Which files a list has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FileFilter {
    /// Only those of this purpose.
    pub(crate) purpose: Option<String>,
    /// Seconds since 1970: what has expired by then is gone.
    pub(crate) now: u64,
}

/// Files that are kept at most.
const MAX_FILES: usize = 10_000;
/// Bytes of all files together.
const MAX_TOTAL_BYTES: u64 = 20 << 30;

impl Kept for FileRecord {
    const SHELF: Shelf = FILES;

    fn id(&self) -> &str {
        &self.id
    }
}

impl FileRecord {
    pub(super) fn has_expired(&self, now: u64) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

impl Store {
    /// Keeps a body that was sent and synced.
    ///
    /// # Errors
    /// No room, or the disk failed; then nothing is left of it.
    pub(crate) async fn keep(&self, upload: Upload, file: FileRecord) -> Result<(), StoreError> {
        self.run(move |opened| opened.keep(upload, &file)).await
    }

    /// What is known of a file.
    ///
    /// # Errors
    /// There is none, or it has expired by `now`.
    pub(crate) async fn file(&self, id: String, now: u64) -> Result<FileRecord, StoreError> {
        self.run(move |opened| opened.file(&id, now)).await
    }

    /// A file and where its body lies.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub(crate) async fn body(
        &self,
        id: String,
        now: u64,
    ) -> Result<(FileRecord, PathBuf), StoreError> {
        let body = move |opened: &Opened| {
            let file = opened.file(&id, now)?;
            let path = bodies::place(&opened.bodies, &file.id);
            Ok((file, path))
        };
        self.run(body).await
    }

    /// Files by pages.
    ///
    /// # Errors
    /// There is no file with the id in `request`.
    pub(crate) async fn files(
        &self,
        request: PageRequest,
        filter: FileFilter,
    ) -> Result<Page<FileRecord>, StoreError> {
        let wanted = move |file: &FileRecord| {
            let purpose = filter.purpose.as_ref();
            !file.has_expired(filter.now) && purpose.is_none_or(|p| *p == file.purpose)
        };
        self.run(move |opened| shelf::page(&opened.database.begin_read()?, &request, wanted))
            .await
    }

    /// Forgets a file.
    ///
    /// # Errors
    /// There is none, or a batch that is not done reads it.
    pub(crate) async fn forget_file(&self, id: String) -> Result<(), StoreError> {
        self.run(move |opened| opened.forget_file(&id)).await
    }

    /// Forgets files that have expired by `now`, but for those that a batch still reads.
    ///
    /// # Errors
    /// The disk failed.
    pub(crate) async fn forget_expired_files(&self, now: u64) -> Result<(), StoreError> {
        self.run(move |opened| opened.forget_expired_files(now))
            .await
    }
}

impl Opened {
    pub(super) fn keep(&self, upload: Upload, file: &FileRecord) -> Result<(), StoreError> {
        let change = self.database.begin_write()?;
        let all: Vec<FileRecord> = shelf::all_of_change(&change)?;
        if all.len() >= MAX_FILES {
            return Err(StoreError::Refused(format!(
                "{MAX_FILES} files are kept already, which is the limit; delete some"
            )));
        }
        let total = all
            .iter()
            .map(|f| f.bytes)
            .fold(file.bytes, u64::saturating_add);
        if total > MAX_TOTAL_BYTES {
            return Err(StoreError::Refused(format!(
                "with this file all files together would have {total} bytes, and the limit is \
                 {MAX_TOTAL_BYTES}; delete some"
            )));
        }
        shelf::add(&change, file)?;
        upload.into_unfinished().rename()?;
        Ok(change.commit()?)
    }

    pub(super) fn file(&self, id: &str, now: u64) -> Result<FileRecord, StoreError> {
        let (_, file): (u64, FileRecord) = shelf::get(&self.database.begin_read()?, id)?;
        if file.has_expired(now) {
            return Err(StoreError::missing(FILES.kind, id));
        }
        Ok(file)
    }

    fn forget_file(&self, id: &str) -> Result<(), StoreError> {
        let change = self.database.begin_write()?;
        let batches: Vec<BatchRecord> = shelf::all_of_change(&change)?;
        let reader = batches.iter().find(|b| b.reads(id));
        if let Some(batch) = reader {
            return Err(StoreError::Refused(format!(
                "the file `{id}` is read by the batch `{}`; cancel that first",
                batch.id
            )));
        }
        shelf::remove::<FileRecord>(&change, id)?;
        change.commit()?;
        Ok(bodies::forget(&self.bodies, id)?)
    }

    fn forget_expired_files(&self, now: u64) -> Result<(), StoreError> {
        let read = self.database.begin_read()?;
        let files: Vec<FileRecord> = shelf::all(&read)?;
        if !files.iter().any(|file| file.has_expired(now)) {
            return Ok(());
        }
        drop(read);
        let change = self.database.begin_write()?;
        let batches: Vec<BatchRecord> = shelf::all_of_change(&change)?;
        let expired = |file: &FileRecord| {
            file.has_expired(now) && !batches.iter().any(|batch| batch.reads(&file.id))
        };
        let mut files: Vec<FileRecord> = shelf::all_of_change(&change)?;
        files.retain(expired);
        for file in &files {
            shelf::remove::<FileRecord>(&change, &file.id)?;
        }
        change.commit()?;
        for file in &files {
            bodies::forget(&self.bodies, &file.id)?;
        }
        Ok(())
    }
}
