//! Which files are read, in an order that does not depend on the file system.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::IngestError;
use super::read::Kind;

/// What was found below the paths.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Files to read, sorted, each once, with `/` between folders and without `.` parts.
    pub(super) files: Vec<PathBuf>,
    /// Files of folders whose kind is not known.
    pub(super) passed_over: usize,
}

/// Deepest nesting of folders.
const MAX_DEPTH: usize = 64;

/// Walks the paths. In folders hidden files and links are left out, and files whose kind is not
/// known; a file that is named itself is always taken.
pub(super) fn walk(paths: &[PathBuf], max_files: usize) -> Result<Found, IngestError> {
    let mut found = Found::default();
    for path in paths {
        let path = plain(path);
        let about = fs::metadata(&path).map_err(|error| cannot(&path, &error))?;
        if about.is_dir() {
            folder(&path, MAX_DEPTH, max_files, &mut found)?;
        } else {
            found.files.push(path);
        }
    }
    found.files.sort_unstable();
    found.files.dedup();
    bounded(&found, max_files)?;
    Ok(found)
}

/// A path without its `.` parts, so that `./docs` and `docs` name the same.
pub(super) fn plain(path: &Path) -> PathBuf {
    let plain: PathBuf = path.components().collect();
    match plain.strip_prefix(".") {
        Ok(rest) if rest.as_os_str().is_empty() => PathBuf::from("."),
        Ok(rest) => rest.to_owned(),
        Err(_) => plain,
    }
}

fn folder(
    path: &Path,
    depth: usize,
    max_files: usize,
    found: &mut Found,
) -> Result<(), IngestError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(IngestError::Path {
            path: path.to_owned(),
            why: format!("folders are nested more than {MAX_DEPTH} deep"),
        });
    };
    for entry in fs::read_dir(path).map_err(|error| cannot(path, &error))? {
        let entry = entry.map_err(|error| cannot(path, &error))?;
        let kind = entry.file_type().map_err(|error| cannot(path, &error))?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let inner = plain(&entry.path());
        if kind.is_dir() {
            folder(&inner, depth, max_files, found)?;
        } else if kind.is_file() && Kind::of(&inner).is_some() {
            found.files.push(inner);
            bounded(found, max_files)?;
        } else {
            found.passed_over += 1;
        }
    }
    Ok(())
}

fn bounded(found: &Found, limit: usize) -> Result<(), IngestError> {
    if found.files.len() > limit {
        return Err(IngestError::TooManyFiles { limit });
    }
    Ok(())
}

fn cannot(path: &Path, error: &std::io::Error) -> IngestError {
    IngestError::Path {
        path: path.to_owned(),
        why: error.to_string(),
    }
}
