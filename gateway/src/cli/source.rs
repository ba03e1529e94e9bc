//! A configuration from a file.

use std::fs::File;
use std::io::{self, Read};
use std::path::{self, Path, PathBuf};

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
        folder: folder(path).with_context(unread)?,
        text: String::from_utf8(bytes).with_context(unread)?,
    })
}

/// The folder that a file lies in, whole: a server compares what is deployed with what it runs, and both
/// are read from wherever their commands were given.
fn folder(file: &Path) -> io::Result<PathBuf> {
    let file = path::absolute(file)?;
    Ok(file.parent().unwrap_or(&file).to_owned())
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::path::Path;

    use super::read;

    #[test]
    fn a_file_lies_where_it_lies_however_it_is_named() {
        let here = env::current_dir().unwrap();
        for name in ["Cargo.toml", "./Cargo.toml"] {
            assert_eq!(read(Path::new(name)).unwrap().folder, here, "{name}");
        }
    }
}
