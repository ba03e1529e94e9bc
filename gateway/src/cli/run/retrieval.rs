//! The encoders, and the collections that applications use, each opened once.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Error, Result};
use engine::Encoder;
use gateway::{SmallModel, SmallModelEntry};
use llm_apps::spec::{CollectionSpec, EncoderSpec, ServeConfig, StoreSpec};
use llm_apps::vector::{TextEncoder, VectorError, VectorIndex};

use super::banner::StartedCollection;
use super::open::created;
use crate::cli::encoders::{fetch_encoder, open_encoder};
use crate::cli::terminal::Terminal;
use crate::env::Environment;

/// What is open.
#[derive(Default)]
pub(super) struct Retrieval {
    encoders: Vec<(EncoderSpec, (Encoder, u64))>,
    collections: Vec<OpenCollection>,
}

struct OpenCollection {
    spec: CollectionSpec,
    index: Arc<dyn VectorIndex>,
    /// How many passages there were when it was looked at last.
    passages: usize,
}

impl Retrieval {
    /// The encoders of `config`, and the collections that its applications use: from here where they are open
    /// already, else opened now.
    ///
    /// # Errors
    /// What the user can mend, with its place in the configuration.
    pub(super) async fn open(
        &self,
        config: &ServeConfig,
        environment: &Environment,
        terminal: &mut Terminal,
    ) -> Result<Self> {
        let mut open = Self::default();
        for spec in &config.encoders {
            let known = self.encoders.iter().find(|(known, _)| known == spec);
            let encoder = match known {
                Some((_, open)) => open.clone(),
                None => {
                    let path = fetch_encoder(spec, environment, terminal).await?;
                    (open_encoder(spec, &path).await?, created(&path))
                }
            };
            open.encoders.push((spec.clone(), encoder));
        }
        for spec in config.used_collections() {
            let encoder = open.encoders.iter().find(|(e, _)| e.name == spec.encoder);
            // The configuration has proved that the encoder is there.
            let dimension = encoder.map_or(0, |(_, (encoder, _))| encoder.dimension());
            let index = self.collection(spec, dimension).await?;
            let passages = index.count(None).await;
            open.collections.push(OpenCollection {
                passages: passages.map_err(|error| fault(spec, &error))?,
                spec: spec.clone(),
                index,
            });
        }
        Ok(open)
    }

    /// Encoders by name.
    pub(super) fn encoders(&self) -> BTreeMap<String, Arc<dyn TextEncoder>> {
        let named = |(spec, (encoder, _)): &(EncoderSpec, (Encoder, u64))| {
            let encoder: Arc<dyn TextEncoder> = Arc::new(encoder.clone());
            (spec.name.clone(), encoder)
        };
        self.encoders.iter().map(named).collect()
    }

    /// The encoders as requests name them.
    pub(super) fn served(&self, preparing: NonZeroUsize) -> Vec<SmallModelEntry> {
        let served = |(spec, (encoder, created)): &(EncoderSpec, (Encoder, u64))| SmallModelEntry {
            name: spec.name.clone(),
            created: *created,
            model: SmallModel::Encoder(encoder.clone()),
            preparing,
        };
        self.encoders.iter().map(served).collect()
    }

    /// Collections by name.
    pub(super) fn collections(&self) -> BTreeMap<String, Arc<dyn VectorIndex>> {
        let named = |open: &OpenCollection| (open.spec.name.clone(), Arc::clone(&open.index));
        self.collections.iter().map(named).collect()
    }

    /// What is said of the collections; `config` is the file to ingest with.
    pub(super) fn told(&self, config: &Path) -> Vec<StartedCollection> {
        let told = |open: &OpenCollection| StartedCollection {
            name: open.spec.name.clone(),
            encoder: open.spec.encoder.clone(),
            store: match &open.spec.store {
                StoreSpec::Embedded { folder, .. } => folder.display().to_string(),
                StoreSpec::Qdrant(options) => options.url.clone(),
            },
            is_held: place(&open.spec).is_some(),
            passages: open.passages,
            config: config.to_owned(),
        };
        self.collections.iter().map(told).collect()
    }

    async fn collection(
        &self,
        spec: &CollectionSpec,
        dimension: usize,
    ) -> Result<Arc<dyn VectorIndex>> {
        let same_place = |known: &&OpenCollection| place(&known.spec) == place(spec);
        if let Some(known) = self.collections.iter().find(same_place) {
            let identity = known.index.identity();
            let same = known.spec.store == spec.store
                && identity.name == spec.name
                && identity.encoder == spec.encoder
                && identity.dimension == dimension;
            if same {
                return Ok(Arc::clone(&known.index));
            }
            if place(spec).is_some() {
                let message =
                    "is open with other settings; they change when the server is restarted";
                return Err(spec.places.fault("store", message).into());
            }
        }
        let opened = spec.open(dimension).await;
        opened.map(Arc::from).map_err(|error| fault(spec, &error))
    }
}

/// The folder that only one may hold.
fn place(spec: &CollectionSpec) -> Option<&Path> {
    match &spec.store {
        StoreSpec::Embedded { folder, .. } => Some(folder),
        StoreSpec::Qdrant(_) => None,
    }
}

/// The fault with its place in the configuration.
fn fault(spec: &CollectionSpec, error: &VectorError) -> Error {
    let is_encoder = matches!(error, VectorError::Encoder { .. });
    let key = match &spec.store {
        _ if is_encoder => "encoder",
        StoreSpec::Embedded { .. } => "store",
        StoreSpec::Qdrant(_) => "qdrant",
    };
    let message = format!("cannot be used: {error}");
    spec.places.fault(key, &message).into()
}
