//! What is served: models large and small, and applications, as one value that is replaced as a whole. A request keeps
//! what it began with.

use std::sync::Arc;

use llm_apps::controller::Application;
use llm_apps::stage::generate::TextModel;
use thiserror::Error;

use crate::openai::Defaults;
use crate::small_models::{ServedSmallModel, SmallModelEntry};
use crate::telemetry::{ModelMetrics, Telemetry};

/// All that requests may name.
#[derive(Debug)]
pub(crate) struct Catalogue {
    models: Vec<Arc<ServedModel>>,
    applications: Vec<Arc<ServedApplication>>,
    small_models: Vec<Arc<ServedSmallModel>>,
}

/// A model that is to be served. Clones share the model.
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
#[derive(Debug, Clone)]
pub(crate) enum Served {
    /// A model.
    Model(Arc<ServedModel>),
    /// An application.
    Application(Arc<ServedApplication>),
}

/// Models and applications that cannot be served together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ModelsError {
    /// Two claim one name.
    #[error("two models or applications are called `{0}`")]
    Duplicate(String),
}

impl Catalogue {
    /// Proves that no two have one name.
    pub(crate) fn new(
        models: Vec<ModelEntry>,
        applications: Vec<Arc<Application>>,
        small_models: Vec<SmallModelEntry>,
        telemetry: &Telemetry,
    ) -> Result<Self, ModelsError> {
        let of_models = models.iter().flat_map(|model| names(&model.text));
        let of_applications = applications.iter().map(|application| application.name());
        let of_small_models = small_models.iter().map(|small| small.name.as_str());
        let all = of_models.chain(of_applications).chain(of_small_models);
        let mut all: Vec<_> = all.collect();
        all.sort_unstable();
        if let Some(twice) = all.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(ModelsError::Duplicate(twice[0].to_owned()));
        }
        let model = |entry: ModelEntry| {
            let metrics = Arc::new(telemetry.model(&entry.text.info().id));
            Arc::new(ServedModel { entry, metrics })
        };
        let application = |app: Arc<Application>| {
            let metrics = Arc::new(telemetry.model(app.name()));
            Arc::new(ServedApplication { app, metrics })
        };
        let small_model = |entry: SmallModelEntry| {
            let metrics = telemetry.small_model(&entry.name);
            Arc::new(ServedSmallModel::new(entry, metrics))
        };
        Ok(Self {
            models: models.into_iter().map(model).collect(),
            applications: applications.into_iter().map(application).collect(),
            small_models: small_models.into_iter().map(small_model).collect(),
        })
    }

    /// The models, in the order of the configuration.
    pub(crate) fn models(&self) -> &[Arc<ServedModel>] {
        &self.models
    }

    /// The applications, in the order of the configuration.
    pub(crate) fn applications(&self) -> &[Arc<ServedApplication>] {
        &self.applications
    }

    /// The encoders and classifiers, in the order of the configuration.
    pub(crate) fn small_models(&self) -> &[Arc<ServedSmallModel>] {
        &self.small_models
    }

    /// The encoder or classifier of this name.
    pub(crate) fn small_model(&self, name: &str) -> Option<&Arc<ServedSmallModel>> {
        self.small_models.iter().find(|small| small.name() == name)
    }

    /// The model with this id or alias.
    pub(crate) fn model(&self, name: &str) -> Option<&Arc<ServedModel>> {
        let mut models = self.models.iter();
        models.find(|m| names(m.text()).any(|n| n == name))
    }

    /// The application of this name.
    pub(crate) fn application(&self, name: &str) -> Option<&Arc<ServedApplication>> {
        self.applications.iter().find(|a| a.app.name() == name)
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

    /// What its requests get that do not say.
    pub(crate) fn defaults(&self) -> &Defaults {
        &self.entry.defaults
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
