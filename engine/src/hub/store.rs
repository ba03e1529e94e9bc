//! The cache on disk: which models are there, whole.
//!
//! ```text
//! <root>/<model>/<source>/...            a model: renamed into place when its last file was checked
//! <root>/<model>/.partial--<source>/...  a download under way, or one that was interrupted
//! <root>/<model>/.lock                   held by the process that downloads
//! ```
//! A folder of the first kind is complete by construction: it appears by one rename, after every
//! file in it was checked and written through to the disk.

use std::fs;
use std::path::{Path, PathBuf};

use super::catalogue::Catalogue;
use super::error::{HubError, store_error};
use super::reference::ModelReference;
use super::source::{HubSource, Source};

/// The cache of models. Cheap to clone; reading it makes no network call.
#[derive(Debug, Clone)]
pub struct ModelStore {
    root: PathBuf,
}

/// A model that is on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalModel {
    /// The model's only file, or the folder that holds its files.
    pub path: PathBuf,
    /// Where it came from; `None` for a path that was given.
    pub source: Option<String>,
}

/// A reference resolved to what has to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// As people write it.
    pub(super) name: String,
    /// The model's folder below the root.
    pub(super) folder: PathBuf,
    /// Where it can come from, best first.
    pub(super) sources: Vec<Source>,
}

/// Either a model that needs no cache, or what the cache should hold.
pub(super) enum Resolved {
    Local(LocalModel),
    Wanted(Wanted),
}

impl ModelStore {
    /// The store below `root`, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder below which all models lie.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The model, if it is on this machine; it is never fetched.
    ///
    /// # Errors
    /// [`HubError::NoSuchPath`] and [`HubError::UnknownName`] when the reference leads nowhere,
    /// [`HubError::Store`] when the cache cannot be read.
    pub fn find(
        &self,
        reference: &ModelReference,
        catalogue: &Catalogue,
    ) -> Result<Option<LocalModel>, HubError> {
        match Self::resolve(reference, catalogue)? {
            Resolved::Local(model) => Ok(Some(model)),
            Resolved::Wanted(wanted) => self.find_wanted(&wanted),
        }
    }

    /// Turns a reference into a place on this machine or into a list of sources.
    pub(super) fn resolve(
        reference: &ModelReference,
        catalogue: &Catalogue,
    ) -> Result<Resolved, HubError> {
        match reference {
            ModelReference::Path(path) if path.exists() => Ok(Resolved::Local(LocalModel {
                path: path.clone(),
                source: None,
            })),
            ModelReference::Path(path) => Err(HubError::NoSuchPath {
                path: path.clone(),
                hint: path_hint(path),
            }),
            ModelReference::Hub(repository) => Ok(Resolved::Wanted(Wanted {
                name: repository.to_string(),
                folder: format!("hf--{}--{}", repository.owner, repository.name).into(),
                sources: vec![Source::Hub(HubSource {
                    repository: repository.clone(),
                    files: Vec::new(),
                })],
            })),
            ModelReference::Name(name) => match catalogue.get(name) {
                Some(entry) => Ok(Resolved::Wanted(Wanted {
                    name: name.clone(),
                    folder: name.into(),
                    sources: entry.sources.clone(),
                })),
                None => Err(unknown_name(name, catalogue)),
            },
        }
    }

    /// The first of the wanted sources that was fetched whole.
    pub(super) fn find_wanted(&self, wanted: &Wanted) -> Result<Option<LocalModel>, HubError> {
        for source in &wanted.sources {
            let folder = self.ready_folder(wanted, source);
            if folder.is_dir() && has_files(&folder, source) {
                return Ok(Some(LocalModel {
                    path: only_file(&folder)?.unwrap_or(folder),
                    source: Some(source.to_string()),
                }));
            }
        }
        Ok(None)
    }

    /// Where a source's files are once they are complete.
    pub(super) fn ready_folder(&self, wanted: &Wanted, source: &Source) -> PathBuf {
        self.root.join(&wanted.folder).join(source.key())
    }

    /// The folder of the model, which holds all its sources and the lock.
    #[cfg(feature = "hub")]
    pub(super) fn model_folder(&self, wanted: &Wanted) -> PathBuf {
        self.root.join(&wanted.folder)
    }
}

/// Whether the files that the source promises are there; a newer catalogue may ask for others.
fn has_files(folder: &Path, source: &Source) -> bool {
    source.files().iter().all(|file| {
        fs::metadata(folder.join(&file.path))
            .is_ok_and(|found| found.is_file() && file.size.is_none_or(|size| size == found.len()))
    })
}

/// The folder's file, if it holds exactly one, however deep.
fn only_file(folder: &Path) -> Result<Option<PathBuf>, HubError> {
    let mut folder = folder.to_owned();
    loop {
        let entries = fs::read_dir(&folder)
            .and_then(|entries| entries.collect::<std::io::Result<Vec<_>>>())
            .map_err(store_error("read", &folder))?;
        let [entry] = entries.as_slice() else {
            return Ok(None);
        };
        if entry.path().is_file() {
            return Ok(Some(entry.path()));
        }
        folder = entry.path();
    }
}

fn path_hint(path: &Path) -> String {
    let text = path.to_string_lossy();
    let looks_like_a_repository = text.split('/').count() == 2
        && !text.starts_with(['.', '/', '~'])
        && !text.ends_with(".gguf");
    if looks_like_a_repository {
        format!("; for the hub write hf://{text}")
    } else if text.starts_with('~') {
        "; `~` is only known to shells, write the path in full".to_owned()
    } else {
        String::new()
    }
}

fn unknown_name(name: &str, catalogue: &Catalogue) -> HubError {
    let hint = if Path::new(name).exists() {
        format!("; for the file or folder of that name write ./{name}")
    } else {
        catalogue
            .nearest(name)
            .map(|nearest| format!("; did you mean `{nearest}`?"))
            .unwrap_or_default()
    };
    HubError::UnknownName {
        name: name.to_owned(),
        hint,
        known: catalogue.most_alike(name).join(", "),
    }
}
