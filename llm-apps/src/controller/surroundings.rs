//! What the stages of applications are made of beside their options.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::deployment::machine::Machine;
use crate::stage::generate::{GenerateDefaults, TextModel};
use crate::vector::{TextEncoder, VectorIndex};

/// What is there for stages to use, and chance and the calendar.
#[derive(Debug)]
pub struct Surroundings {
    /// The models that are served, and what they give to requests that are silent.
    pub models: Vec<(TextModel, GenerateDefaults)>,
    /// The encoders that stages use, by name. All who use one share its batches.
    pub encoders: BTreeMap<String, Arc<dyn TextEncoder>>,
    /// The collections that they search, by name; their encoders are among `encoders`.
    pub collections: BTreeMap<String, Arc<dyn VectorIndex>>,
    /// Names of what was opened anew since the last configuration: stages that use it are replaced,
    /// though their own options are the same.
    pub renewed: BTreeSet<String>,
    /// Of which replicas reserve their shares; the same one for all configurations.
    pub machine: Arc<Machine>,
    /// What routers draw from.
    pub seed: u64,
    /// Seconds since 1970, for `status`.
    pub now: f64,
}

impl Surroundings {
    /// The model of this name or alias.
    pub(super) fn model(&self, name: &str) -> Option<&(TextModel, GenerateDefaults)> {
        self.models.iter().find(|(model, _)| {
            let info = model.info();
            info.id == name || info.aliases.iter().any(|alias| alias == name)
        })
    }
    /// The encoder of this name, or what is wrong.
    pub(super) fn encoder(&self, name: &str) -> Result<Arc<dyn TextEncoder>, String> {
        let encoder = self.encoders.get(name).cloned();
        encoder.ok_or_else(|| format!("no encoder is called `{name}`"))
    }

    /// The collection of this name with the encoder of its vectors, or what is wrong.
    pub(super) fn collection(
        &self,
        name: &str,
    ) -> Result<(Arc<dyn VectorIndex>, Arc<dyn TextEncoder>), String> {
        let index = self.collections.get(name).cloned();
        let index = index.ok_or_else(|| format!("no collection is called `{name}`"))?;
        let encoder = self.encoder(&index.identity().encoder)?;
        Ok((index, encoder))
    }
}
