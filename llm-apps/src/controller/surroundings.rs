//! What the stages of applications are made of beside their options.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use metrics::Histogram;

use crate::deployment::Host;
use crate::deployment::machine::Machine;
use crate::stage::classify::TextClassifier;
use crate::stage::generate::{GenerateDefaults, TextModel};
use crate::stage::translate::TextTranslator;
use crate::stage::upstream::Upstream;
use crate::vector::{TextEncoder, VectorIndex};

/// What is there for stages to use, and chance and the calendar.
#[derive(Debug)]
pub struct Surroundings {
    /// The models that are served, and what they give to requests that are silent.
    pub models: Vec<(TextModel, GenerateDefaults)>,
    /// Models of other services, by name. All who ask one share its connections.
    pub upstreams: BTreeMap<String, Upstream>,
    /// The encoders that stages use, by name. All who use one share its batches.
    pub encoders: BTreeMap<String, Arc<dyn TextEncoder>>,
    /// The classifiers by name. All who use one share its batches.
    pub classifiers: BTreeMap<String, Arc<dyn TextClassifier>>,
    /// The translators by name.
    pub translators: BTreeMap<String, Arc<dyn TextTranslator>>,
    /// The collections by name; their encoders are among `encoders`.
    pub collections: BTreeMap<String, Arc<dyn VectorIndex>>,
    /// Names of what was opened anew since the last configuration: stages that use it are replaced,
    /// though their own options are the same.
    pub renewed: BTreeSet<String>,
    /// What routers draw from.
    pub seed: u64,
    /// Where deployments run.
    pub site: Site,
    /// Seconds since 1970, for `status`.
    pub now: f64,
}

/// A collection with the encoder of its vectors.
pub(super) type Searched = (Arc<dyn VectorIndex>, Arc<dyn TextEncoder>);

/// Where deployments run. Default: on a machine on which nothing is counted, and nobody watches.
#[derive(Clone)]
pub struct Site {
    /// Of which replicas reserve their shares.
    pub machine: Arc<Machine>,
    /// Where the time goes that each request had a place: by application and deployment, in seconds.
    pub latency: LatencyOf,
}

/// Makes the histogram of an application's deployment.
pub type LatencyOf = Arc<dyn Fn(&str, &str) -> Histogram + Send + Sync>;

impl Default for Site {
    fn default() -> Self {
        Self {
            machine: Arc::new(Machine::unbounded()),
            latency: Arc::new(|_, _| Histogram::noop()),
        }
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("machine", &self.machine)
            .finish_non_exhaustive()
    }
}

impl Surroundings {
    /// What a deployment is told of where it runs.
    pub(super) fn host(&self, application: &str, deployment: &str) -> Host {
        let mut hasher = DefaultHasher::new();
        deployment.hash(&mut hasher);
        Host {
            application: application.into(),
            seed: self.seed ^ hasher.finish(),
            machine: Arc::clone(&self.site.machine),
            latency: (self.site.latency)(application, deployment),
        }
    }

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

    /// The classifier of this name, or what is wrong.
    pub(super) fn classifier(&self, name: &str) -> Result<Arc<dyn TextClassifier>, String> {
        let classifier = self.classifiers.get(name).cloned();
        classifier.ok_or_else(|| format!("no classifier is called `{name}`"))
    }

    /// The translator of this name, or what is wrong.
    pub(super) fn translator(&self, name: &str) -> Result<Arc<dyn TextTranslator>, String> {
        let translator = self.translators.get(name).cloned();
        translator.ok_or_else(|| format!("no translator is called `{name}`"))
    }

    /// The collection of this name with the encoder of its vectors, or what is wrong.
    pub(super) fn collection(&self, name: &str) -> Result<Searched, String> {
        let index = self.collections.get(name).cloned();
        let index = index.ok_or_else(|| format!("no collection is called `{name}`"))?;
        let encoder = self.encoder(&index.identity().encoder)?;
        Ok((index, encoder))
    }
}
