//! What the stages of applications are made of beside their options.

use std::collections::BTreeSet;

use crate::stage::generate::{GenerateDefaults, TextModel};

/// What is there for stages to use, and chance and the calendar.
#[derive(Debug)]
pub struct Surroundings {
    /// The models that are served, and what they give to requests that are silent.
    pub models: Vec<(TextModel, GenerateDefaults)>,
    /// Names of what was opened anew since the last configuration: stages that use it are replaced,
    /// though their own options are the same.
    pub renewed: BTreeSet<String>,
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
}
