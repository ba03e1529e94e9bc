//! Large bodies as files of their own: written under another name, synced, renamed.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use redb::ReadableDatabase;
use tokio::io::AsyncWriteExt;

use super::error::StoreError;
use super::files::FileRecord;
use super::folder::{Opened, Store};
use super::shelf;

/// What the name of a body ends in while it is written.
const UNFINISHED: &str = "part";

/// A body that a client is sending. Dropped before it is kept, it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Upload {
    id: String,
    file: tokio::fs::File,
    bytes: u64,
    unfinished: Unfinished,
}

/// A body that is written here, line by line.
pub(super) struct Writing {
    out: BufWriter<File>,
    pub(super) bytes: u64,
    unfinished: Unfinished,
}

/// The file of a body that has no record yet; removed on drop.
#[derive(Debug)]
pub(super) struct Unfinished {
    path: PathBuf,
    renamed: bool,
}

impl Store {
    /// Begins the body of `id`, which is a fresh id of ours.
    ///
    /// # Errors
    /// No folder, or the disk failed.
    pub(crate) async fn upload(&self, id: String) -> Result<Upload, StoreError> {
        let name = id.clone();
        let (file, unfinished) = self.run(move |opened| begin(&opened.bodies, &name)).await?;
        Ok(Upload {
            id,
            file: tokio::fs::File::from_std(file),
            bytes: 0,
            unfinished,
        })
    }
}

impl Upload {
    /// Bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The id that the file will have.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Where the body lies while it is written, for a look at it when it is [synced](Self::sync).
    pub(crate) fn path(&self) -> &Path {
        &self.unfinished.path
    }

    /// Appends a piece.
    ///
    /// # Errors
    /// The disk failed.
    pub(crate) async fn write(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(piece).await?;
        self.bytes += piece.len() as u64;
        Ok(())
    }

    /// Waits until the disk has all of it.
    ///
    /// # Errors
    /// The disk failed.
    pub(crate) async fn sync(&mut self) -> Result<(), StoreError> {
        self.file.flush().await?;
        Ok(self.file.sync_all().await?)
    }

    pub(super) fn into_unfinished(self) -> Unfinished {
        self.unfinished
    }
}

impl Writing {
    /// Begins the body of `id`.
    pub(super) fn begin(bodies: &Path, id: &str) -> Result<Self, StoreError> {
        let (file, unfinished) = begin(bodies, id)?;
        Ok(Self {
            out: BufWriter::new(file),
            bytes: 0,
            unfinished,
        })
    }

    /// Appends a line.
    pub(super) fn line(&mut self, line: &[u8]) -> io::Result<()> {
        self.out.write_all(line)?;
        self.out.write_all(b"\n")?;
        self.bytes += line.len() as u64 + 1;
        Ok(())
    }

    /// Waits until the disk has all of it.
    pub(super) fn finish(self) -> io::Result<Unfinished> {
        let Self {
            out, unfinished, ..
        } = self;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(unfinished)
    }
}

impl Unfinished {
    /// Gives the body its name, which is on disk when this returns.
    pub(super) fn rename(mut self) -> io::Result<()> {
        fs::rename(&self.path, self.path.with_extension(""))?;
        self.renamed = true;
        match self.path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.renamed
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, path = %self.path.display(), "an unfinished file stays");
        }
    }
}

/// Where the body of `id` lies when it is whole.
pub(super) fn place(bodies: &Path, id: &str) -> PathBuf {
    bodies.join(id)
}

/// Removes a body; one that is not there is removed already.
pub(super) fn forget(bodies: &Path, id: &str) -> io::Result<()> {
    match fs::remove_file(place(bodies, id)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes bodies that no record names: a crash came between the two.
pub(super) fn sweep(opened: &Opened) -> Result<(), StoreError> {
    let records: Vec<FileRecord> = shelf::all(&opened.database.begin_read()?)?;
    let named: HashSet<&OsStr> = records.iter().map(|r| OsStr::new(&r.id)).collect();
    for entry in fs::read_dir(&opened.bodies)? {
        let entry = entry?;
        if !named.contains(&*entry.file_name()) && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn begin(bodies: &Path, id: &str) -> Result<(File, Unfinished), StoreError> {
    let path = place(bodies, id).with_extension(UNFINISHED);
    let file = File::create_new(&path)?;
    let unfinished = Unfinished {
        path,
        renamed: false,
    };
    Ok((file, unfinished))
}
