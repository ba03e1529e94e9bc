//! The ingestion itself: file by file, batch by batch.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::error::IngestError;
use super::event::{Failure, IngestEvent, Summary};
use super::options::IngestOptions;
use super::origin::{Base, ORIGIN};
use super::plan::{Name, Plan, There, Wanted, fingerprint, wanted};
use super::read::{ReadFile, read};
use super::walk::{Found, plain, walk};
use crate::vector::{MAX_LIMIT, Point, ScrollRequest, TextEncoder, VectorIndex};

/// Brings a collection to the state of some files and folders. Chunks of files that are no more
/// below the paths are removed; chunks of files elsewhere stay. Dropping the future ends the run
/// with what is stored; repeating it goes on from there.
///
/// # Errors
/// [`IngestError`]; what is wrong with single files is in the summary instead.
pub async fn ingest(
    index: &dyn VectorIndex,
    encoder: Arc<dyn TextEncoder>,
    paths: &[PathBuf],
    options: &IngestOptions,
    progress: &(dyn Fn(IngestEvent) + Send + Sync),
) -> Result<Summary, IngestError> {
    options.prove()?;
    let roots: Vec<PathBuf> = paths.iter().map(|path| plain(path)).collect();
    let Found { files, passed_over } = walked(roots.clone(), options.max_files).await?;
    progress(IngestEvent::Found { files: files.len() });
    let base = Base::new(&options.base).map_err(|error| nowhere(&options.base, &error))?;
    let mut there = stored(index, &base, &roots).await?;
    let mut run = Run {
        index,
        encoder,
        options,
        progress,
        summary: Summary {
            passed_over,
            ..Summary::default()
        },
    };
    for file in files {
        let name = Name {
            source: source(&file),
            origin: base.origin(&file).map_err(|error| nowhere(&file, &error))?,
        };
        let there = there.remove(&name.origin).unwrap_or_default();
        run.file(file, name, there).await?;
        progress(IngestEvent::FileDone);
    }
    // What is left is of files that are gone.
    for (_, there) in there {
        run.remove(there.into_keys().collect()).await?;
    }
    Ok(run.summary)
}

struct Run<'r> {
    index: &'r dyn VectorIndex,
    encoder: Arc<dyn TextEncoder>,
    options: &'r IngestOptions,
    progress: &'r (dyn Fn(IngestEvent) + Send + Sync),
    summary: Summary,
}

/// A file's chunks, or why there are none.
struct Prepared {
    wanted: Vec<Wanted>,
    failures: Vec<Failure>,
}

impl Run<'_> {
    async fn file(&mut self, path: PathBuf, name: Name, there: There) -> Result<(), IngestError> {
        let prepared = self.prepare(path.clone(), name).await;
        let whole = prepared.failures.is_empty();
        self.summary.files += usize::from(whole || !prepared.wanted.is_empty());
        self.summary.failed.extend(prepared.failures);
        let plan = Plan::new(prepared.wanted, there, whole);
        (self.progress)(IngestEvent::File {
            path: path.clone(),
            chunks: plan.add.len(),
        });
        for batch in plan.add.chunks(self.options.batch) {
            self.store(&path, batch).await?;
        }
        for batch in plan.change.chunks(MAX_LIMIT) {
            self.index.set_metadata(batch.to_vec()).await?;
        }
        self.summary.kept += plan.kept;
        self.remove(plan.remove).await
    }

    /// Reads and cuts a file where it may take long.
    async fn prepare(&self, path: PathBuf, name: Name) -> Prepared {
        let (encoder, options) = (Arc::clone(&self.encoder), self.options.clone());
        let of = path.clone();
        let work = spawn_blocking(move || prepare(&of, &name, &options, &*encoder));
        // A parser that panics is a fault of one file.
        work.await.unwrap_or_else(|_| Prepared {
            wanted: Vec::new(),
            failures: vec![Failure {
                path,
                line: None,
                why: "the file cannot be read: its parser gave up".to_owned(),
            }],
        })
    }

    async fn store(&mut self, path: &Path, batch: &[Wanted]) -> Result<(), IngestError> {
        let encode_error = |why: String| IngestError::Encode {
            path: path.to_owned(),
            why,
        };
        let texts = batch.iter().map(|wanted| wanted.encoded.clone()).collect();
        let encoded = self.encoder.embed(texts).await;
        let vectors = encoded.map_err(|error| encode_error(error.to_string()))?;
        if vectors.len() != batch.len() {
            let (made, asked) = (vectors.len(), batch.len());
            return Err(encode_error(format!(
                "it made {made} vectors of {asked} texts"
            )));
        }
        let points = batch.iter().zip(vectors).map(|(wanted, vector)| Point {
            id: wanted.id.clone(),
            text: wanted.text.clone(),
            metadata: wanted.metadata.clone(),
            vector,
        });
        self.index.upsert(points.collect()).await?;
        self.summary.added += batch.len();
        (self.progress)(IngestEvent::Stored {
            chunks: batch.len(),
        });
        Ok(())
    }

    async fn remove(&mut self, ids: Vec<String>) -> Result<(), IngestError> {
        for batch in ids.chunks(MAX_LIMIT) {
            self.index.delete(batch.to_vec()).await?;
            self.summary.removed += batch.len();
        }
        Ok(())
    }
}

async fn walked(roots: Vec<PathBuf>, max_files: usize) -> Result<Found, IngestError> {
    let walked = spawn_blocking(move || walk(&roots, max_files)).await;
    walked.unwrap_or(Err(IngestError::Interrupted))
}

fn prepare(
    path: &Path,
    name: &Name,
    options: &IngestOptions,
    encoder: &dyn TextEncoder,
) -> Prepared {
    let ReadFile {
        documents,
        mut failures,
    } = read(path, options.max_file_bytes);
    let wanted = wanted(name, &documents, options, encoder).unwrap_or_else(|why| {
        failures.push(Failure {
            path: path.to_owned(),
            line: None,
            why,
        });
        Vec::new()
    });
    Prepared { wanted, failures }
}

/// What the collection has of the files below the paths, by origin.
async fn stored(
    index: &dyn VectorIndex,
    base: &Base,
    roots: &[PathBuf],
) -> Result<HashMap<String, There>, IngestError> {
    let mut there: HashMap<String, There> = HashMap::new();
    let mut after = None;
    loop {
        let request = ScrollRequest {
            filter: None,
            after,
            limit: MAX_LIMIT,
        };
        let page = index.scroll(request).await?;
        for record in page.records {
            let Some(origin) = record.metadata.get(ORIGIN).and_then(|at| at.as_str()) else {
                continue;
            };
            let mut below = false;
            for root in roots {
                let is_below = base.is_below(origin, root);
                below |= is_below.map_err(|error| nowhere(root, &error))?;
            }
            if below {
                let of_file = there.entry(origin.to_owned()).or_default();
                of_file.insert(record.id, fingerprint(&record.metadata));
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(there);
        }
    }
}

fn nowhere(path: &Path, error: &io::Error) -> IngestError {
    IngestError::Path {
        path: path.to_owned(),
        why: error.to_string(),
    }
}

/// A file's name in the collection: its path as it was reached, with `/` between folders.
fn source(path: &Path) -> String {
    path.to_string_lossy()
        .replace(std::path::MAIN_SEPARATOR, "/")
}
