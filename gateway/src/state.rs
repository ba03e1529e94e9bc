//! What all requests of one server share. Two servers have two states and nothing else in common
//! (A6).

use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};

use llm_apps::controller::Application;
use llm_apps::stage::generate::{GenerateError, TextModel};
use thiserror::Error;

use crate::admission::Admission;
use crate::config::GatewayConfig;
use crate::edge::Edge;
use crate::error::ApiError;
use crate::lifecycle::Lifecycle;
use crate::openai::{Defaults, Head, Rules, Surroundings};
use crate::telemetry::{ModelMetrics, Telemetry};

/// The state as handlers have it.
pub type SharedState = Arc<Gateway>;

/// One server's state.
#[derive(Debug)]
pub struct Gateway {
    config: GatewayConfig,
    edge: Arc<Edge>,
    telemetry: Telemetry,
    admission: Admission,
    lifecycle: Lifecycle,
    models: OnceLock<Vec<ServedModel>>,
    applications: OnceLock<Vec<ServedApplication>>,
}

/// A model that is to be served.
#[derive(Debug, Clone)]
pub struct ModelEntry {
    /// The model.
    pub text: TextModel,
    /// What its requests get that do not say.
    pub defaults: Defaults,
}

/// A model and its metrics.
#[derive(Debug)]
pub(crate) struct ServedModel {
    entry: ModelEntry,
    metrics: Arc<ModelMetrics>,
}

/// An application and its metrics.
#[derive(Debug)]
pub(crate) struct ServedApplication {
    app: Arc<Application>,
    metrics: Arc<ModelMetrics>,
}

/// What a request may name as its `model`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Served<'a> {
    /// A model.
    Model(&'a ServedModel),
    /// An application.
    Application(&'a ServedApplication),
}

/// Models that cannot be served together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ModelsError {
    /// Two models claim one name.
    #[error("two models are called `{0}`")]
    Duplicate(String),
    /// Models were given before.
    #[error("this server has its models already")]
    AlreadySet,
}

impl Gateway {
    /// A server that has no models yet, and so is not ready.
    pub fn new(config: GatewayConfig, edge: Edge, telemetry: Telemetry) -> Self {
        let admission = Admission::new(config.max_ongoing_requests, config.max_queued_requests);
        Self {
            config,
            edge: Arc::new(edge),
            telemetry,
            admission,
            lifecycle: Lifecycle::default(),
            models: OnceLock::new(),
            applications: OnceLock::new(),
        }
    }

    /// Brings the models, which makes the server ready. Once only.
    ///
    /// # Errors
    /// [`ModelsError`] when names clash or models were set before.
    pub fn set_models(
        &self,
        models: impl IntoIterator<Item = impl Into<ModelEntry>>,
    ) -> Result<(), ModelsError> {
        let models: Vec<ModelEntry> = models.into_iter().map(Into::into).collect();
        let mut names: Vec<_> = models.iter().flat_map(|m| names(&m.text)).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(ModelsError::Duplicate(twice[0].to_owned()));
        }
        let served = models.into_iter().map(|entry| {
            let metrics = Arc::new(self.telemetry.model(&entry.text.info().id));
            ServedModel { entry, metrics }
        });
        self.models
            .set(served.collect())
            .map_err(|_| ModelsError::AlreadySet)
    }

    /// Brings the applications, which answer as models of their names. Before the models, which make the
    /// server ready; once only.
    ///
    /// # Errors
    /// [`ModelsError::AlreadySet`]. That their names and those of models differ is the configuration's.
    pub fn set_applications(
        &self,
        applications: impl IntoIterator<Item = Arc<Application>>,
    ) -> Result<(), ModelsError> {
        let served = applications.into_iter().map(|app| {
            let metrics = Arc::new(self.telemetry.model(app.name()));
            ServedApplication { app, metrics }
        });
        self.applications
            .set(served.collect())
            .map_err(|_| ModelsError::AlreadySet)
    }

    /// The text of `GET /metrics`.
    pub fn scrape(&self) -> String {
        self.telemetry.set_admission(self.admission.occupancy());
        for model in self.models.get().into_iter().flatten() {
            model.metrics.engine.set(&model.text().engine().stats());
        }
        self.telemetry.render()
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

    /// What the configuration says about requests.
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            strict: self.config.strict,
            max_choices: NonZeroU32::get(self.config.max_choices),
        }
    }

    /// The models, in the order in which they were given.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`] until there are any.
    pub(crate) fn models(&self) -> Result<&[ServedModel], ApiError> {
        let loading = ApiError::Unavailable {
            message: "the models are still loading",
            code: "loading",
            retry_after: self.config.retry_after,
            close: false,
        };
        self.models.get().map(Vec::as_slice).ok_or(loading)
    }

    /// The applications, in the order of the configuration.
    pub(crate) fn applications(&self) -> &[ServedApplication] {
        self.applications.get().map_or(&[], Vec::as_slice)
    }

    /// The model or the application of this name.
    ///
    /// # Errors
    /// As [`model`](Self::model).
    pub(crate) fn served(&self, name: &str) -> Result<Served<'_>, ApiError> {
        self.models()?;
        let named = self.applications().iter().find(|a| a.app.name() == name);
        match named {
            Some(application) => Ok(Served::Application(application)),
            None => self.model(name).map(Served::Model),
        }
    }

    /// The model with this id or alias.
    ///
    /// # Errors
    /// [`ApiError::ModelNotFound`], or that models are loading.
    pub(crate) fn model(&self, name: &str) -> Result<&ServedModel, ApiError> {
        let found = self
            .models()?
            .iter()
            .find(|m| names(m.text()).any(|n| n == name));
        found.ok_or_else(|| ApiError::ModelNotFound(name.chars().take(200).collect()))
    }

    /// The model that is named, or, where one only is served, that one.
    ///
    /// # Errors
    /// As [`model`](Self::model); or that the name is missing.
    pub(crate) fn model_or_only(&self, name: Option<&str>) -> Result<&ServedModel, ApiError> {
        match (name, self.models()?) {
            (Some(name), _) => self.model(name),
            (None, [only]) => Ok(only),
            (None, _) => Err(ApiError::invalid(
                "model",
                "the field `model` is required where more than one model is served",
            )),
        }
    }

    /// What a request does not bring itself.
    pub(crate) fn surroundings<'a>(&self, model: &'a ServedModel) -> Surroundings<'a> {
        Surroundings {
            defaults: &model.entry.defaults,
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
            message: "the server is shutting down",
            code: "shutting_down",
            retry_after: self.config.retry_after,
            close,
        }
    }
}

impl From<TextModel> for ModelEntry {
    /// With the API's own defaults.
    fn from(text: TextModel) -> Self {
        Self {
            text,
            defaults: Defaults::default(),
        }
    }
}

impl ServedApplication {
    pub(crate) fn app(&self) -> &Application {
        &self.app
    }

    pub(crate) fn metrics(&self) -> &Arc<ModelMetrics> {
        &self.metrics
    }
}

impl ServedModel {
    /// The id under which it is served.
    pub(crate) fn id(&self) -> &str {
        &self.text().info().id
    }

    pub(crate) fn text(&self) -> &TextModel {
        &self.entry.text
    }

    pub(crate) fn metrics(&self) -> &Arc<ModelMetrics> {
        &self.metrics
    }
}

/// The id, then the aliases.
fn names(model: &TextModel) -> impl Iterator<Item = &str> {
    let info = model.info();
    std::iter::once(&info.id)
        .chain(&info.aliases)
        .map(String::as_str)
}
