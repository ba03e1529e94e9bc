//! `collections`: what `lookup` searches and `penstock ingest` fills.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::encoders::{EncoderSpec, unique_name};
use super::fault::Faults;
use super::node::{Node, Position};
use super::places::Places;
use super::read;
use super::section::Section;
use crate::ingest::{ChunkSize, ChunkUnit};
use crate::vector::{
    CollectionIdentity, EmbeddedIndex, EmbeddedOptions, QdrantIndex, QdrantOptions, VectorError,
    VectorIndex,
};

/// One collection.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectionSpec {
    /// The name by which stages and commands mean it.
    pub name: String,
    /// The encoder that makes its vectors, one of `encoders`.
    pub encoder: String,
    /// Where it is kept.
    pub store: StoreSpec,
    /// `chunk`: how ingestion cuts documents.
    pub chunk: ChunkSize,
    /// Where all this stands in the file.
    pub places: Places,
}

/// Where a collection is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreSpec {
    /// `store`: a folder of this machine, and `max_points`. A relative path was resolved against the
    /// configuration's folder.
    Embedded {
        /// The folder.
        folder: PathBuf,
        /// Its bounds.
        options: EmbeddedOptions,
    },
    /// `qdrant`: a server.
    Qdrant(QdrantOptions),
}

impl CollectionSpec {
    /// Opens the collection, whose encoder makes vectors of `dimension`.
    ///
    /// # Errors
    /// [`VectorError`], among others when it was made with another encoder.
    pub async fn open(&self, dimension: usize) -> Result<Box<dyn VectorIndex>, VectorError> {
        let identity = CollectionIdentity {
            name: self.name.clone(),
            encoder: self.encoder.clone(),
            dimension,
        };
        match &self.store {
            StoreSpec::Embedded { folder, options } => {
                let index = EmbeddedIndex::open(folder, identity, *options).await?;
                Ok(Box::new(index))
            }
            StoreSpec::Qdrant(options) => {
                let index = QdrantIndex::open(options, identity).await?;
                Ok(Box::new(index))
            }
        }
    }

    /// Reads the whole list; `folder` is the configuration's. Names are unique, and encoders are
    /// among `encoders`.
    pub(super) fn read_all(
        list: &[Node],
        folder: &Path,
        encoders: &[EncoderSpec],
        faults: &mut Faults,
    ) -> Vec<Self> {
        let mut taken = HashMap::new();
        let mut specs: Vec<Self> = Vec::new();
        for (index, node) in list.iter().enumerate() {
            let path = format!("collections[{index}]");
            let Some(spec) = Self::read(&path, node, folder, &mut taken, faults) else {
                continue;
            };
            spec.check_encoder(encoders, faults);
            spec.check_folder(&specs, faults);
            specs.push(spec);
        }
        specs
    }

    fn read(
        path: &str,
        node: &Node,
        folder: &Path,
        taken: &mut HashMap<String, Position>,
        faults: &mut Faults,
    ) -> Option<Self> {
        let mut keys = Section::open(path, node, faults);
        let f = faults;
        let name = unique_name(&mut keys, "name: docs", taken, f);
        let encoder = keys.require("encoder", "encoder: minilm", f, read::text);
        let store = store(&mut keys, folder, f);
        let chunk = match keys.node("chunk") {
            None => ChunkSize::default(),
            Some(node) => chunk(&keys.path("chunk"), node, f),
        };
        keys.finish(f);
        Some(Self {
            name: name?,
            encoder: encoder?,
            store: store?,
            chunk,
            places: Places::of(&f.file, path, node),
        })
    }

    /// A folder belongs to one collection.
    fn check_folder(&self, others: &[Self], faults: &mut Faults) {
        let folder = |spec: &Self| match &spec.store {
            // However it is written: `./docs` is `docs`.
            StoreSpec::Embedded { folder, .. } => Some(folder.components().collect::<PathBuf>()),
            StoreSpec::Qdrant(_) => None,
        };
        let mine = folder(self);
        let other = others
            .iter()
            .find(|other| mine.is_some() && folder(other) == mine);
        if let Some(other) = other {
            let message = format!(
                "is the folder of the collection `{}` already; give each its own",
                other.name
            );
            let fault = self.places.fault("store", &message);
            faults.list.extend(fault.list);
        }
    }

    fn check_encoder(&self, encoders: &[EncoderSpec], faults: &mut Faults) {
        if encoders.iter().any(|encoder| encoder.name == self.encoder) {
            return;
        }
        let mut known: Vec<&str> = encoders
            .iter()
            .map(|encoder| encoder.name.as_str())
            .collect();
        // A name that is taken twice is a fault of its own.
        known.sort_unstable();
        known.dedup();
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        let message = format!(
            "names no encoder, but {:?}; `encoders` has {known}",
            self.encoder
        );
        faults
            .list
            .extend(self.places.fault("encoder", &message).list);
    }
}

/// Exactly one of `store` and `qdrant`.
fn store(keys: &mut Section<'_>, folder: &Path, faults: &mut Faults) -> Option<StoreSpec> {
    let at = keys.at();
    let embedded = keys.take("store", faults, read::text);
    let max_points = keys.take("max_points", faults, read::integer(1..=100_000_000_usize));
    let remote_path = keys.path("qdrant");
    match (embedded, keys.node("qdrant")) {
        (Some(path), None) => {
            let default = EmbeddedOptions::default();
            Some(StoreSpec::Embedded {
                folder: folder.join(path),
                options: EmbeddedOptions {
                    max_points: max_points.unwrap_or(default.max_points),
                    ..default
                },
            })
        }
        (None, Some(node)) => {
            if max_points.is_some() {
                let path = keys.path("max_points");
                faults.note(
                    at,
                    format!("`{path}` bounds a `store`, but a server has its own bounds"),
                );
            }
            qdrant(&remote_path, node, faults).map(StoreSpec::Qdrant)
        }
        (Some(_), Some(node)) => {
            let message = format!("`{remote_path}` stands beside `store`; keep one of them");
            faults.note(node.at, message);
            None
        }
        (None, None) => {
            keys.miss(
                "store",
                "write for example `store: data/docs`, or `qdrant: {url: ...}`",
            );
            None
        }
    }
}

fn qdrant(path: &str, node: &Node, faults: &mut Faults) -> Option<QdrantOptions> {
    let mut keys = Section::open(path, node, faults);
    let url = keys.require("url", "url: http://localhost:6334", faults, |node| {
        read::text(node)
            .ok()
            .filter(|url| url.starts_with("http://") || url.starts_with("https://"))
            .ok_or_else(|| "the server's gRPC address, such as http://localhost:6334".to_owned())
    });
    let api_key = keys.take("api_key", faults, read::text);
    let timeout = keys.take("timeout_s", faults, read::seconds(0.1..=600.0));
    keys.finish(faults);
    let default = QdrantOptions::new(url?);
    Some(QdrantOptions {
        api_key,
        timeout: timeout.unwrap_or(Duration::from_secs(10)),
        ..default
    })
}

fn chunk(path: &str, node: &Node, faults: &mut Faults) -> ChunkSize {
    let default = ChunkSize::default();
    let mut keys = Section::open(path, node, faults);
    let unit = keys.take("unit", faults, |node| match read::text(node).as_deref() {
        Ok("tokens") => Ok(ChunkUnit::Tokens),
        Ok("characters") => Ok(ChunkUnit::Characters),
        _ => Err("tokens or characters".to_owned()),
    });
    let size = keys.take("size", faults, read::integer(8..=1_000_000_usize));
    let size = size.unwrap_or(default.size);
    let overlap = keys.take("overlap", faults, read::integer(0..=size / 2));
    keys.finish(faults);
    ChunkSize {
        unit: unit.unwrap_or(default.unit),
        size,
        overlap: overlap.unwrap_or_else(|| default.overlap.min(size / 2)),
    }
}
