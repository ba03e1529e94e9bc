//! What a configuration names, opened for the server that runs and for the configurations that are
//! deployed while it does.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use futures::FutureExt;
use futures::future::BoxFuture;
use gateway::{ModelEntry, Opened, Opener};
use llm_apps::controller::{Site, Surroundings};
use llm_apps::spec::ServeConfig;
use llm_apps::stage::generate::{GenerateDefaults, TextModel};
use llm_apps::stage::upstream::Upstream;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::banner::{StartedCollection, StartedModel};
use super::open::{fetch_all, open};
use super::retrieval::Retrieval;
use super::shelf::Shelf;
use super::small_models::SmallModels;
use super::started_small_model::StartedSmallModel;
use crate::cli::terminal::Terminal;
use crate::env::Environment;

/// Fetches and opens. Clones share what is open.
#[derive(Clone)]
pub(super) struct FileOpener {
    environment: Environment,
    open: Arc<Mutex<Open>>,
    /// What was begun before anybody asked.
    begun: Arc<Mutex<JoinSet<Result<Opened>>>>,
}

#[derive(Default)]
struct Open {
    models: Shelf<(ModelEntry, StartedModel)>,
    retrieval: Retrieval,
    small_models: SmallModels,
    /// What is said of the models, in the order of the last configuration.
    told: Vec<StartedModel>,
    told_small: Vec<StartedSmallModel>,
}

impl FileOpener {
    pub(super) fn new(environment: &Environment) -> Self {
        Self {
            environment: environment.clone(),
            open: Arc::default(),
            begun: Arc::default(),
        }
    }

    /// Begins to open what `config` names; the next [`open`](Opener::open) takes what comes of it.
    pub(super) async fn begin(&self, config: &ServeConfig) {
        let (opener, config) = (self.clone(), config.clone());
        let mut begun = self.begun.lock().await;
        begun.spawn(async move { opener.open_all(&config, &BTreeSet::new()).await });
    }

    /// What is said of the models that were opened last.
    pub(super) async fn started(&self) -> Vec<StartedModel> {
        self.open.lock().await.told.clone()
    }

    /// What is said of the encoders and classifiers.
    pub(super) async fn small_models(&self) -> Vec<StartedSmallModel> {
        self.open.lock().await.told_small.clone()
    }

    /// What is said of the collections; `config` is the file to ingest with.
    pub(super) async fn collections(&self, config: &Path) -> Vec<StartedCollection> {
        self.open.lock().await.retrieval.told(config)
    }

    async fn open_all(&self, config: &ServeConfig, renewed: &BTreeSet<String>) -> Result<Opened> {
        let mut open = self.open.lock().await;
        let mut shown = progress();
        let retrieval = open.retrieval.open(config, &self.environment, &mut shown);
        let retrieval = retrieval.await?;
        let small_models = open
            .small_models
            .open(config, &self.environment, &mut shown);
        let small_models = small_models.await?;
        let models = self.models(config, renewed, &open.models).await?;
        open.told = models.iter().map(|(_, (_, told))| told.clone()).collect();
        let entries: Vec<_> = models.iter().map(|(_, (entry, _))| entry.clone()).collect();
        open.models.keep(models);
        let surroundings = Surroundings {
            models: entries.iter().map(with_defaults).collect(),
            upstreams: upstreams(config)?,
            encoders: retrieval.encoders(),
            classifiers: small_models.classifiers(),
            translators: small_models.translators(),
            collections: retrieval.collections(),
            renewed: renewed.clone(),
            seed: random(),
            site: Site::default(),
            now: since_1970().as_secs_f64(),
        };
        let preparing = preparing(config);
        let mut served = retrieval.served(preparing);
        served.extend(small_models.served(preparing));
        open.told_small = served.iter().map(StartedSmallModel::of).collect();
        open.retrieval = retrieval;
        open.small_models = small_models;
        Ok(Opened {
            models: entries,
            small_models: served,
            surroundings,
        })
    }

    async fn models(
        &self,
        config: &ServeConfig,
        renewed: &BTreeSet<String>,
        known: &Shelf<(ModelEntry, StartedModel)>,
    ) -> Result<Vec<(String, (ModelEntry, StartedModel))>> {
        // All are fetched before any is opened: what cannot be fetched should show before memory is used.
        let mut fetched = Vec::new();
        for spec in &config.models {
            fetched.push(fetch_all(spec.clone(), &self.environment, &mut progress()).await?);
        }
        let preparing = preparing(config);
        let opened = known.all(
            &fetched,
            |(spec, _)| &spec.name,
            renewed,
            |(spec, path)| open(spec.clone(), path.clone(), preparing),
        );
        opened.await
    }
}

impl Opener for FileOpener {
    fn open<'a>(
        &'a self,
        config: &'a ServeConfig,
        renewed: &'a BTreeSet<String>,
    ) -> BoxFuture<'a, Result<Opened>> {
        async move {
            let begun = self.begun.lock().await.join_next().await;
            match begun {
                Some(opened) => opened?,
                None => self.open_all(config, renewed).await,
            }
        }
        .boxed()
    }
}

/// Requests of a model whose texts become tokens at the same time.
fn preparing(config: &ServeConfig) -> NonZeroUsize {
    NonZeroUsize::new(config.max_concurrent_prepares).unwrap_or(NonZeroUsize::MIN)
}

/// Where the progress of a fetch is shown: beside the log.
fn progress() -> Terminal {
    Terminal {
        out: Box::new(io::sink()),
        err: Box::new(io::stderr()),
        out_is_tty: false,
        err_is_tty: io::stderr().is_terminal(),
        in_is_tty: false,
    }
}

/// Reaches for nothing yet.
fn upstreams(config: &ServeConfig) -> Result<BTreeMap<String, Upstream>> {
    let upstreams = config.upstreams.iter().map(|spec| {
        let upstream = Upstream::new(spec.options.clone())?;
        Ok((spec.options.name.clone(), upstream))
    });
    upstreams.collect()
}

fn with_defaults(entry: &ModelEntry) -> (TextModel, GenerateDefaults) {
    let now = || i64::try_from(since_1970().as_secs()).unwrap_or(i64::MAX);
    let defaults = GenerateDefaults {
        params: entry.defaults.params.clone(),
        max_tokens: entry.defaults.max_tokens,
        seed: Arc::new(random),
        unix_time: Arc::new(now),
    };
    (entry.text.clone(), defaults)
}

fn random() -> u64 {
    Uuid::new_v4().as_u64_pair().1
}

fn since_1970() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}
