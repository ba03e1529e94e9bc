//! The encoders and collections that applications use, each opened once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Error, Result};
use llm_apps::spec::{CollectionSpec, EncoderSpec, ServeConfig, StageSpec, StoreSpec};
use llm_apps::vector::{TextEncoder, VectorError, VectorIndex};

use super::banner::StartedCollection;
use crate::cli::encoders::{fetch_encoder, open_encoder};
use crate::cli::terminal::Terminal;
use crate::env::Environment;

/// What applications retrieve with.
#[derive(Default)]
pub(super) struct Retrieval {
    /// Encoders by name.
    pub(super) encoders: BTreeMap<String, Arc<dyn TextEncoder>>,
    /// Collections by name.
    pub(super) collections: BTreeMap<String, Arc<dyn VectorIndex>>,
    /// What is said of the collections.
    pub(super) started: Vec<StartedCollection>,
}

/// What of the configuration the applications use.
pub(super) struct Used<'c> {
    encoders: Vec<(&'c EncoderSpec, PathBuf)>,
    collections: Vec<&'c CollectionSpec>,
}

/// Fetches the encoders that stages name, or whose collections they search.
pub(super) async fn fetch_used<'c>(
    config: &'c ServeConfig,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<Used<'c>> {
    let stages = || {
        let deployments = config.applications.iter().flat_map(|app| &app.deployments);
        deployments.map(|deployment| &deployment.stage)
    };
    let searched: BTreeSet<&str> = stages().filter_map(StageSpec::collection).collect();
    let collections = config.collections.iter();
    let collections: Vec<_> = collections
        .filter(|spec| searched.contains(spec.name.as_str()))
        .collect();
    let theirs = collections.iter().map(|spec| spec.encoder.as_str());
    let encoding: BTreeSet<&str> = stages()
        .filter_map(StageSpec::encoder)
        .chain(theirs)
        .collect();
    let mut encoders = Vec::new();
    for spec in &config.encoders {
        if encoding.contains(spec.name.as_str()) {
            encoders.push((spec, fetch_encoder(spec, environment, terminal).await?));
        }
    }
    Ok(Used {
        encoders,
        collections,
    })
}

impl Used<'_> {
    /// Opens all of it; `config` is the file, for what the user is told to do.
    pub(super) async fn open(self, config: &Path) -> Result<Retrieval> {
        let mut retrieval = Retrieval::default();
        let mut dimensions = BTreeMap::new();
        for (spec, path) in &self.encoders {
            let encoder = open_encoder(spec, path).await?;
            dimensions.insert(spec.name.as_str(), encoder.dimension());
            let encoder: Arc<dyn TextEncoder> = Arc::new(encoder);
            retrieval.encoders.insert(spec.name.clone(), encoder);
        }
        for spec in self.collections {
            // The configuration has proved that the encoder is there.
            let dimension = dimensions.get(spec.encoder.as_str());
            let dimension = dimension.copied().unwrap_or_default();
            let opened = spec.open(dimension).await;
            let index = opened.map_err(|error| fault(spec, &error))?;
            let passages = index.count(None).await;
            let passages = passages.map_err(|error| fault(spec, &error))?;
            retrieval.started.push(StartedCollection {
                name: spec.name.clone(),
                encoder: spec.encoder.clone(),
                store: match &spec.store {
                    StoreSpec::Embedded { folder, .. } => folder.display().to_string(),
                    StoreSpec::Qdrant(options) => options.url.clone(),
                },
                passages,
                config: config.to_owned(),
            });
            let index: Arc<dyn VectorIndex> = Arc::from(index);
            retrieval.collections.insert(spec.name.clone(), index);
        }
        Ok(retrieval)
    }
}

/// The fault with its place, where the configuration can mend it.
fn fault(spec: &CollectionSpec, error: &VectorError) -> Error {
    let key = match (error, &spec.store) {
        (VectorError::Encoder { .. }, _) => "encoder",
        (_, StoreSpec::Embedded { .. }) => "store",
        (_, StoreSpec::Qdrant(_)) => "qdrant",
    };
    let message = format!("cannot be used: {error}");
    spec.places.fault(key, &message).into()
}
