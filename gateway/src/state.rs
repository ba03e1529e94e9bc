//! What all requests of one server share. Two servers have two states and nothing else in common
//! (A6).

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;

use llm_apps::controller::Application;
use llm_apps::remote::ReplicasStatus;
use llm_apps::stage::generate::GenerateError;
use parking_lot::RwLock;

use crate::admission::Admission;
use crate::batches::Batches;
use crate::catalogue::{Catalogue, ModelEntry, ModelsError, Served, ServedModel};
use crate::config::GatewayConfig;
use crate::edge::Edge;
use crate::error::ApiError;
use crate::lifecycle::Lifecycle;
use crate::openai::{Head, Rules, Surroundings};
use crate::responses::Responses;
use crate::small_models::{ServedSmallModel, SmallModelEntry};
use crate::store::Store;
use crate::telemetry::Telemetry;

/// The state as handlers have it.
pub type SharedState = Arc<Gateway>;

/// One server's state.
#[derive(Debug)]
pub struct Gateway {
    config: GatewayConfig,
    edge: Arc<Edge>,
    telemetry: Arc<Telemetry>,
    admission: Admission,
    lifecycle: Arc<Lifecycle>,
    /// Nothing before the models are there.
    catalogue: Arc<RwLock<Option<Arc<Catalogue>>>>,
    store: Store,
    batches: Arc<Batches>,
    responses: Arc<Responses>,
}

impl Gateway {
    /// A server that has no models yet, and so is not ready.
    pub fn new(config: GatewayConfig, edge: Edge, telemetry: Telemetry) -> Self {
        let admission = Admission::new(config.max_ongoing_requests, config.max_queued_requests);
        let store = Store::new(config.data_dir.as_deref());
        Self {
            config,
            edge: Arc::new(edge),
            telemetry: Arc::new(telemetry),
            admission,
            lifecycle: Arc::default(),
            catalogue: Arc::default(),
            store,
            batches: Arc::default(),
            responses: Arc::default(),
        }
    }

    /// The same server behind a door of its own, which has room for `max` at a time: for lines of batches, which
    /// have been let in by another rule.
    pub(crate) fn behind(&self, max: NonZeroUsize) -> Self {
        Self {
            config: self.config.clone(),
            edge: Arc::clone(&self.edge),
            telemetry: Arc::clone(&self.telemetry),
            admission: Admission::new(max, 0),
            lifecycle: Arc::clone(&self.lifecycle),
            catalogue: Arc::clone(&self.catalogue),
            store: self.store.clone(),
            batches: Arc::clone(&self.batches),
            responses: Arc::clone(&self.responses),
        }
    }

    /// Serves these from now on, which makes the server ready. Requests that have begun go on with what
    /// they began with.
    ///
    /// # Errors
    /// [`ModelsError`] when names clash; then nothing has changed.
    pub fn serve(
        &self,
        models: impl IntoIterator<Item = impl Into<ModelEntry>>,
        applications: impl IntoIterator<Item = Arc<Application>>,
    ) -> Result<(), ModelsError> {
        self.serve_all(models, applications, [])
    }

    /// The same, with encoders and classifiers beside them.
    ///
    /// # Errors
    /// As [`serve`](Self::serve).
    pub fn serve_all(
        &self,
        models: impl IntoIterator<Item = impl Into<ModelEntry>>,
        applications: impl IntoIterator<Item = Arc<Application>>,
        small_models: impl IntoIterator<Item = SmallModelEntry>,
    ) -> Result<(), ModelsError> {
        let models = models.into_iter().map(Into::into).collect();
        let applications = applications.into_iter().collect();
        let small_models = small_models.into_iter().collect();
        let catalogue = Catalogue::new(models, applications, small_models, &self.telemetry)?;
        *self.catalogue.write() = Some(Arc::new(catalogue));
        self.batches.look();
        Ok(())
    }

    /// Serves nothing any more; requests that have begun go on.
    pub(crate) fn serve_nothing(&self) {
        *self.catalogue.write() = None;
    }

    /// The text of `GET /metrics`.
    pub fn scrape(&self) -> String {
        self.telemetry.set_admission(self.admission.occupancy());
        let catalogue = self.catalogue.read().clone();
        for model in catalogue.iter().flat_map(|c| c.models()) {
            model.metrics().engine.set(&model.text().engine().stats());
            if let Some(status) = model.text().engine().replicas() {
                self.telemetry
                    .set_replicas(&model.text().info().id, &status);
            }
        }
        let applications = catalogue.iter().flat_map(|c| c.applications());
        self.telemetry
            .set_deployments(applications.map(|served| served.app()));
        self.telemetry.render()
    }

    /// How the processes of the models stand that are computed in processes of their own.
    pub(crate) fn replicas(&self) -> BTreeMap<String, ReplicasStatus> {
        let catalogue = self.catalogue.read().clone();
        let models = catalogue.iter().flat_map(|c| c.models());
        let found = models.filter_map(|model| {
            let status = model.text().engine().replicas()?;
            Some((model.text().info().id.clone(), status))
        });
        found.collect()
    }

    pub(crate) fn config(&self) -> &GatewayConfig {
        &self.config
    }

    pub(crate) fn edge(&self) -> &Arc<Edge> {
        &self.edge
    }

    pub(crate) fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    pub(crate) fn admission(&self) -> &Admission {
        &self.admission
    }

    pub(crate) fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    /// What survives a restart.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The batches that run.
    pub(crate) fn batches(&self) -> &Arc<Batches> {
        &self.batches
    }

    /// Responses that are made and kept.
    pub(crate) fn responses(&self) -> &Responses {
        &self.responses
    }

    /// Makes or opens the data folder now, and holds it; otherwise that is done when something is first kept.
    ///
    /// # Errors
    /// [`ApiError::Internal`] says what is wrong with the folder.
    pub async fn hold_data_dir(&self) -> Result<(), ApiError> {
        let held = self.store.run(|_| Ok(())).await;
        held.map_err(|error| ApiError::Internal(error.to_string()))
    }

    /// What the configuration says about requests.
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            strict: self.config.strict,
            max_choices: NonZeroU32::get(self.config.max_choices),
        }
    }

    /// What is served at this moment.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`] until there is anything.
    pub(crate) fn catalogue(&self) -> Result<Arc<Catalogue>, ApiError> {
        let loading = ApiError::Unavailable {
            message: "the models are still loading".into(),
            code: "loading",
            retry_after: self.config.retry_after,
            close: false,
        };
        self.catalogue.read().clone().ok_or(loading)
    }

    /// The model or the application of this name, which writes text.
    ///
    /// # Errors
    /// [`ApiError::ModelNotFound`], that it is of another kind, or that models are loading.
    pub(crate) fn served(&self, name: &str) -> Result<Served, ApiError> {
        let catalogue = self.catalogue()?;
        match catalogue.application(name) {
            Some(application) => Ok(Served::Application(Arc::clone(application))),
            None => found(&catalogue, name).map(Served::Model),
        }
    }

    /// The encoder or classifier of this name.
    ///
    /// # Errors
    /// As [`served`](Self::served).
    pub(crate) fn small_model(&self, name: &str) -> Result<Arc<ServedSmallModel>, ApiError> {
        let catalogue = self.catalogue()?;
        if let Some(small) = catalogue.small_model(name) {
            return Ok(Arc::clone(small));
        }
        let writes = catalogue.application(name).is_some() || catalogue.model(name).is_some();
        Err(match writes {
            true => ApiError::other_model(
                name,
                "writes text; vectors, scores and labels come from what the configuration has under `encoders` and \
                 `classifiers`",
            ),
            false => not_found(name),
        })
    }

    /// The model that is named, or, where one only is served, that one.
    ///
    /// # Errors
    /// As [`served`](Self::served); or that the name is missing.
    pub(crate) fn model_or_only(&self, name: Option<&str>) -> Result<Arc<ServedModel>, ApiError> {
        let catalogue = self.catalogue()?;
        match (name, catalogue.models()) {
            (Some(name), _) => found(&catalogue, name),
            (None, [only]) => Ok(Arc::clone(only)),
            (None, _) => Err(ApiError::invalid(
                "model",
                "the field `model` is required where more than one model is served",
            )),
        }
    }

    /// What a request does not bring itself.
    pub(crate) fn surroundings<'a>(&self, model: &'a ServedModel) -> Surroundings<'a> {
        Surroundings {
            defaults: model.defaults(),
            seed: self.edge.seed(),
            now: self.edge.now(),
        }
    }

    /// What stands on every chunk of a new answer of the model or application called `model`.
    pub(crate) fn head(&self, prefix: &str, model: &str) -> Head {
        Head {
            id: self.edge.id(prefix),
            created: self.edge.now(),
            model: model.to_owned(),
        }
    }

    /// A text request that was not taken, as the client is told.
    pub(crate) fn refused(&self, error: &GenerateError) -> ApiError {
        ApiError::generate(error, self.config.retry_after)
    }

    /// What a client is told while the server stops.
    pub(crate) fn stopping(&self, close: bool) -> ApiError {
        ApiError::Unavailable {
            message: "the server is shutting down".into(),
            code: "shutting_down",
            retry_after: self.config.retry_after,
            close,
        }
    }
}

/// The model with this id or alias.
fn found(catalogue: &Catalogue, name: &str) -> Result<Arc<ServedModel>, ApiError> {
    let found = catalogue.model(name).cloned();
    found.ok_or_else(|| match catalogue.small_model(name) {
        Some(small) => small.cannot(),
        None => not_found(name),
    })
}

fn not_found(name: &str) -> ApiError {
    ApiError::ModelNotFound(name.chars().take(200).collect())
}
