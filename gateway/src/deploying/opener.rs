//! Where models and their like come from.

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use llm_apps::controller::Surroundings;
use llm_apps::spec::ServeConfig;

use crate::catalogue::ModelEntry;
use crate::small_models::SmallModelEntry;

/// Opens what a configuration names.
pub trait Opener: Send + Sync {
    /// Opens everything. What is open already, is not among `renewed` and is named still is kept, so that
    /// a small change is a quick one. On an error what was open before stays as it was.
    fn open<'a>(
        &'a self,
        config: &'a ServeConfig,
        renewed: &'a BTreeSet<String>,
    ) -> BoxFuture<'a, anyhow::Result<Opened>>;
}

/// What was opened.
#[derive(Debug)]
pub struct Opened {
    /// The models, in the order of the configuration.
    pub models: Vec<ModelEntry>,
    /// The encoders and classifiers, likewise.
    pub small_models: Vec<SmallModelEntry>,
    /// What stages are made of.
    pub surroundings: Surroundings,
}
