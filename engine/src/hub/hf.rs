//! Files of the Hugging Face hub.
//!
//! A revision is first resolved to its commit, and every file is taken from that commit, so that a
//! model is never a mixture of two states of a repository. An interrupted file is taken up where it
//! ended. What other tools of the hub have on this machine already (`HF_HOME`) is taken from there.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use hf_hub::repository::{HFRepository, RepoTreeEntry, RepoTypeModel};
use hf_hub::{HFClient, HFError};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

use super::error::{SourceError, disk_error};
use super::partial::{PartialModel, SYNC_STEP};
use super::progress::PullEvent;
use super::pull::{Job, PullOptions};
use super::source::{HubSource, SourceFile};
use super::stall::or_stall;

/// Most files that one repository may list; a larger one is refused instead of being held.
const MAX_LISTED: usize = 10_000;

/// A client of the hub.
pub(super) struct Hub {
    client: HFClient,
    limit: Duration,
}

impl Hub {
    /// A client for the endpoint, token and folder in `options`, or for what the hub's own
    /// variables (`HF_ENDPOINT`, `HF_TOKEN`, `HF_HOME`) name where they say nothing.
    pub(super) fn new(options: &PullOptions) -> Result<Self, SourceError> {
        let mut builder = HFClient::builder()
            .user_agent(concat!("penstock/", env!("CARGO_PKG_VERSION")))
            .retry_max_attempts(2);
        if let Some(endpoint) = &options.hub_endpoint {
            builder = builder.endpoint(endpoint);
        }
        if let Some(token) = &options.hub_token {
            builder = builder.token(token);
        }
        if let Some(folder) = &options.hub_cache {
            builder = builder.cache_dir(folder);
        }
        Ok(Self {
            client: builder.build().map_err(hub_error)?,
            limit: options.stall_limit,
        })
    }

    /// Brings the source's files into a partial model.
    pub(super) async fn fetch(
        &self,
        source: &HubSource,
        job: &Job<'_>,
    ) -> Result<PartialModel, SourceError> {
        let wanted = &source.repository;
        let repository = self.client.model(&wanted.owner, &wanted.name);
        if let Some(partial) = self.adopt(&repository, source, job).await? {
            return Ok(partial);
        }
        let commit = self.commit(&repository, source).await?;
        let files = if source.files.iter().any(|f| f.size.is_none()) || source.files.is_empty() {
            let listed = self.list(&repository, &commit).await?;
            choose(listed, source)?
        } else {
            source.files.clone()
        };
        let partial = job.partial(commit.get(..12).unwrap_or(&commit))?;
        for file in &files {
            self.download(&repository, &commit, file, &partial, job)
                .await?;
        }
        Ok(partial)
    }

    /// Takes the files from the folder that the hub's own tools share, if all are there.
    async fn adopt(
        &self,
        repository: &HFRepository<RepoTypeModel>,
        source: &HubSource,
        job: &Job<'_>,
    ) -> Result<Option<PartialModel>, SourceError> {
        let snapshot = repository
            .snapshot_download()
            .maybe_revision(source.repository.revision.clone())
            .local_files_only(true)
            .send()
            .await;
        let Ok(snapshot) = snapshot else {
            return Ok(None);
        };
        let mut listed = Vec::new();
        list_folder(&snapshot, "", &mut listed);
        let Ok(files) = choose(listed, source) else {
            return Ok(None);
        };
        let partial = job.partial("local")?;
        for file in &files {
            let from = snapshot.join(&file.path);
            let to = partial.growing(file)?;
            // Through the snapshot's link to the file itself, whose content never changes. It is
            // copied where it cannot be linked.
            let from = std::fs::canonicalize(&from).map_err(disk_error("read", from))?;
            drop(std::fs::remove_file(&to));
            if std::fs::hard_link(&from, &to).is_err() {
                std::fs::copy(&from, &to).map_err(disk_error("create", &to))?;
            }
            if let Err(SourceError::WrongFile { .. }) = partial.accept(to, file).await {
                return Ok(None);
            }
        }
        Ok(Some(partial))
    }

    /// The commit that the revision names now.
    async fn commit(
        &self,
        repository: &HFRepository<RepoTypeModel>,
        source: &HubSource,
    ) -> Result<String, SourceError> {
        let revision = source.repository.revision.as_deref().unwrap_or("main");
        if revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(revision.to_owned());
        }
        let doing = || format!("asking {} for the commit", self.client.endpoint());
        let info = repository.info().revision(revision).send();
        let info = or_stall(self.limit, doing, info)
            .await?
            .map_err(hub_error)?;
        info.sha
            .filter(|sha| !sha.is_empty() && sha.bytes().all(|b| b.is_ascii_alphanumeric()))
            .ok_or_else(|| SourceError::Hub(format!("the hub names no commit for `{revision}`")))
    }

    /// All files of the repository with their sizes.
    async fn list(
        &self,
        repository: &HFRepository<RepoTypeModel>,
        commit: &str,
    ) -> Result<Vec<SourceFile>, SourceError> {
        let doing = || format!("asking {} for the list of files", self.client.endpoint());
        let tree = repository
            .list_tree()
            .revision(commit)
            .recursive(true)
            .limit(MAX_LISTED)
            .send()
            .map_err(hub_error)?;
        let mut tree = std::pin::pin!(tree);
        let mut files = Vec::new();
        while let Some(entry) = or_stall(self.limit, doing, tree.next()).await? {
            if let RepoTreeEntry::File {
                path, size, lfs, ..
            } = entry.map_err(hub_error)?
            {
                let sha256 = lfs
                    .and_then(|lfs| lfs.sha256)
                    .and_then(|sha| sha.parse().ok());
                files.push(SourceFile {
                    path,
                    size: Some(size),
                    sha256,
                });
            }
        }
        Ok(files)
    }

    /// Brings one file to its end and checks it. A file that was taken up again and turns out wrong
    /// is fetched once more from its beginning.
    async fn download(
        &self,
        repository: &HFRepository<RepoTypeModel>,
        commit: &str,
        file: &SourceFile,
        partial: &PartialModel,
        job: &Job<'_>,
    ) -> Result<(), SourceError> {
        if partial.has(file) {
            return Ok(());
        }
        job.tell(PullEvent::File {
            path: &file.path,
            size: file.size,
        });
        let path = partial.growing(file)?;
        let from = partial.resumable(file)?;
        let transfer = Transfer {
            repository,
            commit,
            file,
            path: &path,
            limit: self.limit,
        };
        transfer.run(from, job).await?;
        match partial.accept(path.clone(), file).await {
            Err(SourceError::WrongFile { .. }) if from > 0 => {
                transfer.run(0, job).await?;
                partial.accept(path.clone(), file).await
            }
            other => other,
        }
    }
}

/// One file on its way from the hub to the disk.
struct Transfer<'a> {
    repository: &'a HFRepository<RepoTypeModel>,
    commit: &'a str,
    file: &'a SourceFile,
    path: &'a Path,
    limit: Duration,
}

impl Transfer<'_> {
    /// Writes the bytes from `from` to the end. A hub that does not honour the range begins at 0.
    async fn run(&self, from: u64, job: &Job<'_>) -> Result<(), SourceError> {
        let size = self.file.size.unwrap_or(0);
        if from == size && from > 0 {
            return Ok(());
        }
        let doing = || format!("waiting for `{}`", self.file.path);
        let request = self
            .repository
            .download_file_stream()
            .filename(&self.file.path)
            .revision(self.commit)
            .maybe_range((from > 0).then_some(from..size))
            .send();
        let (length, mut stream) = or_stall(self.limit, doing, request)
            .await?
            .map_err(hub_error)?;
        let mut done = if length == Some(size - from) { from } else { 0 };
        let mut out = tokio::fs::OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .open(self.path)
            .await
            .map_err(disk_error("create", self.path))?;
        let wrote = disk_error("write", self.path);
        let write = async |out: &mut tokio::fs::File, done: u64| {
            out.set_len(done).await?;
            out.seek(std::io::SeekFrom::Start(done)).await.map(drop)
        };
        write(&mut out, done).await.map_err(wrote)?;
        job.tell(PullEvent::Bytes { done });
        let outcome = loop {
            let chunk = match or_stall(self.limit, doing, stream.next()).await {
                Ok(Some(Ok(chunk))) => chunk,
                Ok(Some(Err(error))) => break Err(hub_error(error)),
                Ok(None) => break Ok(()),
                Err(stalled) => break Err(stalled),
            };
            let before = done;
            done += chunk.len() as u64;
            if done > size {
                break Err(SourceError::Content(format!(
                    "`{}` is longer than the {size} bytes that were stated",
                    self.file.path
                )));
            }
            out.write_all(&chunk)
                .await
                .map_err(disk_error("write", self.path))?;
            if before / SYNC_STEP != done / SYNC_STEP {
                out.sync_data()
                    .await
                    .map_err(disk_error("write", self.path))?;
            }
            job.tell(PullEvent::Bytes { done });
        };
        // What came is kept, also after a failure: the next attempt goes on from here.
        out.flush().await.map_err(disk_error("write", self.path))?;
        match outcome {
            Ok(()) if done < size => Err(SourceError::Content(format!(
                "`{}` ended after {done} of {size} bytes",
                self.file.path
            ))),
            other => other,
        }
    }
}

/// The files to fetch out of those that are there: the listed ones of the source, or the one file
/// that the reference names, or what a model needs.
fn choose(there: Vec<SourceFile>, source: &HubSource) -> Result<Vec<SourceFile>, SourceError> {
    let find = |path: &str| {
        there.iter().find(|file| file.path == path).ok_or_else(|| {
            SourceError::Content(format!("there is no file `{path}`{}", names(&there)))
        })
    };
    if !source.files.is_empty() {
        return source
            .files
            .iter()
            .map(|file| {
                let found = find(&file.path)?;
                Ok(SourceFile {
                    path: file.path.clone(),
                    size: file.size.or(found.size),
                    sha256: file.sha256.or(found.sha256),
                })
            })
            .collect();
    }
    if let Some(path) = &source.repository.file {
        return Ok(vec![find(path)?.clone()]);
    }
    let gguf = |file: &&SourceFile| file.path.ends_with(".gguf");
    if there.iter().any(|f| is_weights(&f.path)) {
        return Ok(there
            .into_iter()
            .filter(|f| is_of_a_model(&f.path))
            .collect());
    }
    match there.iter().filter(gguf).collect::<Vec<_>>().as_slice() {
        [] => Err(SourceError::Content(format!(
            "there are neither safetensors nor GGUF files{}",
            names(&there)
        ))),
        [only] => Ok(vec![(*only).clone()]),
        several => {
            let several: Vec<SourceFile> = several.iter().map(|f| (*f).clone()).collect();
            Err(SourceError::Content(format!(
                "there are several GGUF files; name one, as in {}/FILE.gguf{}",
                source.repository,
                names(&several)
            )))
        }
    }
}

/// Whether the file holds weights at the repository's root; other folders hold other formats.
fn is_weights(path: &str) -> bool {
    path.ends_with(".safetensors") && !path.contains('/')
}

/// Whether a model in safetensors form needs the file.
fn is_of_a_model(path: &str) -> bool {
    const NEEDED: [&str; 11] = [
        "1_Pooling/config.json",
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors.index.json",
        "modules.json",
        "sentence_bert_config.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
        // The tokenizer of older models of the BERT family.
        "vocab.txt",
    ];
    is_weights(path) || NEEDED.contains(&path)
}

/// The first few names, for an error.
fn names(files: &[SourceFile]) -> String {
    const SHOWN: usize = 20;
    let mut text: Vec<&str> = files.iter().take(SHOWN).map(|f| f.path.as_str()).collect();
    if files.len() > SHOWN {
        text.push("...");
    }
    if text.is_empty() {
        return String::new();
    }
    format!(" (there are {})", text.join(", "))
}

/// Adds the files below `folder` with their sizes, links followed.
fn list_folder(folder: &Path, prefix: &str, files: &mut Vec<SourceFile>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let path = entry.path();
        match std::fs::metadata(&path) {
            Ok(found) if found.is_dir() && prefix.matches('/').count() < 4 => {
                list_folder(&path, &format!("{name}/"), files);
            }
            Ok(found) if found.is_file() && files.len() < MAX_LISTED => files.push(SourceFile {
                path: name,
                size: Some(found.len()),
                sha256: None,
            }),
            _ => {}
        }
    }
}

/// The hub's error with its causes; the outermost alone says little ("error sending request").
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what `map_err` hands over"
)]
fn hub_error(error: HFError) -> SourceError {
    // The hub's client says the URL once more, behind an error that has said it.
    let said: &dyn Error = if let HFError::Request { source, .. } = &error {
        source
    } else {
        &error
    };
    let (mut text, mut cause) = (said.to_string(), said.source());
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    SourceError::Hub(text)
}
