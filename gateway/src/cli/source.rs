//! A configuration from a file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use gateway::ConfigSource;

/// What is read of a file; the parser says of more than 1 MiB that it is too much.
const MAX_BYTES: u64 = (1 << 20) + 1;

/// Reads a configuration as it is written. What is not UTF-8 is left for the parser to tell.
pub(super) fn read(path: &Path) -> Result<ConfigSource> {
    let unread = || format!("cannot read the configuration `{}`", path.display());
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes))
        .with_context(unread)?;
    Ok(ConfigSource {
        file: path.display().to_string(),
        folder: folder(path).to_owned(),
        text: String::from_utf8(bytes).with_context(unread)?,
    })
}

/// The folder that a file lies in, also where its path does not say so.
fn folder(file: &Path) -> &Path {
    let named = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    named.unwrap_or_else(|| Path::new("."))
}
