//! The classifiers, and the translators that applications use, each opened once.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use engine::hub::{HubError, ModelReference};
use engine::{Classifier, EncoderError, Translator};
use gateway::{SmallModel, SmallModelEntry};
use llm_apps::spec::{ClassifierSpec, Places, ServeConfig, TranslatorSpec};
use llm_apps::stage::classify::TextClassifier;
use llm_apps::stage::translate::TextTranslator;

use super::open::created;
use crate::cli::pull::fetch;
use crate::cli::terminal::Terminal;
use crate::env::Environment;

/// What is open.
#[derive(Default)]
pub(super) struct SmallModels {
    classifiers: Vec<(ClassifierSpec, (Classifier, u64))>,
    translators: Vec<(TranslatorSpec, Translator)>,
}

/// What the configuration says of a model, for messages.
struct Named<'s> {
    kind: &'static str,
    name: &'s str,
    source: &'s ModelReference,
    places: &'s Places,
}

impl SmallModels {
    /// The classifiers of `config`, and the translators that its applications use: from here where they are open
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
        for spec in &config.classifiers {
            let named = Named {
                kind: "classifier",
                name: &spec.name,
                source: &spec.source,
                places: &spec.places,
            };
            let known = self.classifiers.iter().find(|(known, _)| known == spec);
            let classifier = match known {
                Some((_, open)) => open.clone(),
                None => {
                    let path = named.fetch(environment, terminal).await?;
                    let (config, created) = (spec.config, created(&path));
                    let open = named.open(path, move |path| Classifier::open(path, &config));
                    (open.await?, created)
                }
            };
            open.classifiers.push((spec.clone(), classifier));
        }
        for spec in config.used_translators() {
            let named = Named {
                kind: "translator",
                name: &spec.name,
                source: &spec.source,
                places: &spec.places,
            };
            let known = self.translators.iter().find(|(known, _)| known == spec);
            let translator = match known {
                Some((_, translator)) => translator.clone(),
                None => {
                    let path = named.fetch(environment, terminal).await?;
                    let config = spec.config;
                    named
                        .open(path, move |path| Translator::open(path, &config))
                        .await?
                }
            };
            open.translators.push((spec.clone(), translator));
        }
        Ok(open)
    }

    /// Classifiers by name.
    pub(super) fn classifiers(&self) -> BTreeMap<String, Arc<dyn TextClassifier>> {
        let named = |(spec, (classifier, _)): &(ClassifierSpec, (Classifier, u64))| {
            let classifier: Arc<dyn TextClassifier> = Arc::new(classifier.clone());
            (spec.name.clone(), classifier)
        };
        self.classifiers.iter().map(named).collect()
    }

    /// The classifiers as requests name them.
    pub(super) fn served(&self, preparing: NonZeroUsize) -> Vec<SmallModelEntry> {
        let served =
            |(spec, (found, created)): &(ClassifierSpec, (Classifier, u64))| SmallModelEntry {
                name: spec.name.clone(),
                created: *created,
                model: SmallModel::Classifier(found.clone()),
                preparing,
            };
        self.classifiers.iter().map(served).collect()
    }

    /// Translators by name.
    pub(super) fn translators(&self) -> BTreeMap<String, Arc<dyn TextTranslator>> {
        let named = |(spec, translator): &(TranslatorSpec, Translator)| {
            let translator: Arc<dyn TextTranslator> = Arc::new(translator.clone());
            (spec.name.clone(), translator)
        };
        self.translators.iter().map(named).collect()
    }
}

impl Named<'_> {
    /// Its folder, fetched if it is not there.
    async fn fetch(&self, environment: &Environment, terminal: &mut Terminal) -> Result<PathBuf> {
        let fetched = fetch(self.source, environment, terminal).await;
        let model = fetched.map_err(|error| match error.is::<HubError>() {
            true => error.context(self.places.fault("source", "cannot be had")),
            false => error.context(format!("{} `{}`", self.kind, self.name)),
        })?;
        Ok(model.path)
    }

    /// Reads the weights, away from the async threads, and starts the model's own.
    async fn open<T: Send + 'static>(
        &self,
        path: PathBuf,
        open: impl FnOnce(&Path) -> Result<T, EncoderError> + Send + 'static,
    ) -> Result<T> {
        let opened = tokio::task::spawn_blocking(move || open(&path)).await;
        let kind = self.kind;
        let opened =
            opened.with_context(|| format!("opening a {kind} did not end as it should"))?;
        opened.map_err(|error| {
            let fault = format!("cannot be opened: {error}");
            self.places.fault("source", &fault).into()
        })
    }
}
