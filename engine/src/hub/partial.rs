//! A download under way: files that grow, are checked, and become a model in one rename.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::digest::Sha256Digest;
use super::error::{SourceError, disk_error};
use super::source::SourceFile;

/// Bytes after which a growing file without a digest is written through to the disk. When such a
/// file is taken up again, what lies behind the last whole step is not trusted.
pub(super) const SYNC_STEP: u64 = 16 << 20;

/// The folder in which a model's files gather before it is complete.
#[derive(Debug)]
pub(super) struct PartialModel {
    folder: PathBuf,
}

impl PartialModel {
    /// Takes up the folder `.partial--<key>--<tag>` in `model_folder`, or makes it. Files that an
    /// interrupted download left there are kept: `tag` names one state of the source's content.
    pub(super) fn open(model_folder: &Path, key: &str, tag: &str) -> Result<Self, SourceError> {
        let folder = model_folder.join(format!("{}{tag}", prefix(key)));
        fs::create_dir_all(&folder).map_err(disk_error("create", &folder))?;
        Ok(Self { folder })
    }

    /// The folder itself.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a checked file lies.
    pub(super) fn path(&self, file: &SourceFile) -> PathBuf {
        self.folder.join(&file.path)
    }

    /// Where a file lies while it grows.
    pub(super) fn growing(&self, file: &SourceFile) -> Result<PathBuf, SourceError> {
        let mut path = self.path(file).into_os_string();
        path.push(".part");
        let path = PathBuf::from(path);
        let parent = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(parent).map_err(disk_error("create", parent))?;
        Ok(path)
    }

    /// Whether an earlier attempt brought this file to its end.
    pub(super) fn has(&self, file: &SourceFile) -> bool {
        fs::metadata(self.path(file))
            .is_ok_and(|found| file.size.is_none_or(|size| size == found.len()))
    }

    /// Bytes of a growing file that can be relied on.
    pub(super) fn resumable(&self, file: &SourceFile) -> Result<u64, SourceError> {
        let path = self.growing(file)?;
        let length = match fs::metadata(&path) {
            Ok(found) => found.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(disk_error("read", path)(error)),
        };
        let trusted = match file.sha256 {
            Some(_) => length,
            None => length - length % SYNC_STEP,
        };
        Ok(if file.size.is_some_and(|size| trusted > size) {
            0
        } else {
            trusted
        })
    }

    /// Takes over a file that came to its end at `from`: checks it, writes it through and gives it
    /// its name. A file that fails the check is removed.
    pub(super) async fn accept(&self, from: PathBuf, file: &SourceFile) -> Result<(), SourceError> {
        let to = self.path(file);
        let file = file.clone();
        let work = move || {
            let checked = check(&from, &file);
            if matches!(checked, Err(SourceError::WrongFile { .. })) {
                fs::remove_file(&from).map_err(disk_error("remove", &from))?;
            }
            checked?;
            sync(&from)?;
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent).map_err(disk_error("create", parent))?;
            }
            fs::rename(&from, &to).map_err(disk_error("create", &to))
        };
        let path = self.folder.clone();
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| disk_error("check", path)(io::Error::other(error)))?
    }

    /// Makes the folder the model: from here on it is complete for everyone. What other attempts at
    /// the same source left is removed.
    pub(super) fn commit(self, model_folder: &Path, key: &str) -> Result<(), SourceError> {
        let ready = model_folder.join(key);
        sync_folders(&self.folder)?;
        if ready.exists() {
            // It lacks a file that a newer catalogue asks for, else nobody had fetched it again.
            fs::remove_dir_all(&ready).map_err(disk_error("remove", &ready))?;
        }
        fs::rename(&self.folder, &ready).map_err(disk_error("create", &ready))?;
        sync(model_folder)?;
        let entries = fs::read_dir(model_folder).map_err(disk_error("read", model_folder))?;
        for entry in entries.flatten() {
            if entry
                .file_name()
                .to_string_lossy()
                .starts_with(&prefix(key))
            {
                let path = entry.path();
                fs::remove_dir_all(&path).map_err(disk_error("remove", &path))?;
            }
        }
        Ok(())
    }
}

fn prefix(key: &str) -> String {
    format!(".partial--{key}--")
}

/// Proves that the file at `path` is the one that is meant.
fn check(path: &Path, file: &SourceFile) -> Result<(), SourceError> {
    let wrong = |what, expected: String, found: String| SourceError::WrongFile {
        file: file.path.clone(),
        what,
        expected,
        found,
    };
    let found = fs::symlink_metadata(path).map_err(disk_error("read", path))?;
    if let Some(size) = file.size
        && found.len() != size
    {
        return Err(wrong("its size", size.to_string(), found.len().to_string()));
    }
    if let Some(expected) = file.sha256 {
        let found = Sha256Digest::of_file(path).map_err(disk_error("read", path))?;
        if found != expected {
            let (expected, found) = (expected.to_string(), found.to_string());
            return Err(wrong("its SHA-256", expected, found));
        }
    }
    Ok(())
}

fn sync(path: &Path) -> Result<(), SourceError> {
    fs::File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(disk_error("write", path))
}

/// Writes the names of all files below `folder` through to the disk.
fn sync_folders(folder: &Path) -> Result<(), SourceError> {
    let entries = fs::read_dir(folder).map_err(disk_error("read", folder))?;
    for entry in entries {
        let path = entry.map_err(disk_error("read", folder))?.path();
        if path.is_dir() {
            sync_folders(&path)?;
        }
    }
    sync(folder)
}
