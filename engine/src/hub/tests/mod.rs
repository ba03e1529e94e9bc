//! Pulls against a hub and a pip of our own making: no network, no clock but the stall limit.

mod fake_hub;
mod hub_source;
mod join_source;
mod pip_source;

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use fake_hub::{FakeHub, Fault, sha256};

use super::{Catalogue, HubError, LocalModel, ModelStore, PullEvent, PullOptions, Puller};

/// What the model's file holds in these tests.
const CONTENT: &[u8] = b"GGUF and what follows, a few bytes that stand for a model";

/// Long enough for a script to start, short enough to wait for.
const A_SECOND: Duration = Duration::from_secs(1);
/// Where nothing can come, nothing need be waited for.
const A_MOMENT: Duration = Duration::from_millis(100);

/// A store, a hub, a pip, and a catalogue with one model that both have.
struct World {
    folder: tempfile::TempDir,
    hub: FakeHub,
    catalogue: Catalogue,
    options: PullOptions,
    events: Mutex<Vec<String>>,
}

impl World {
    async fn new(hub: Fault, python: &str) -> Self {
        Self::with_files(&[("model.gguf", CONTENT)], hub, python).await
    }

    /// `python` is the text of a shell script that stands for Python.
    async fn with_files(files: &[(&str, &[u8])], hub: Fault, python: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hub = FakeHub::start(files, hub).await;
        let sha = sha256(CONTENT);
        let yaml = format!(
            "models:\n  - name: small\n    description: d\n    licence: MIT\n    kind: generate\n    \
             sources:\n      - hf: owner/model\n        files: [{{path: model.gguf, sha256: {sha}}}]\n      \
             - pip: small-model==1.0\n        folder: small_model\n        \
             files: [{{path: model.gguf, sha256: {sha}}}]\n"
        );
        let options = PullOptions {
            hub_endpoint: Some(hub.endpoint.clone()),
            hub_token: Some("a token".to_owned()),
            hub_cache: Some(folder.path().join("hf")),
            python: pip_source::script(folder.path(), python),
            ..PullOptions::default()
        };
        Self {
            catalogue: Catalogue::parse("test.yaml", &yaml).unwrap(),
            folder,
            hub,
            options,
            events: Mutex::default(),
        }
    }

    fn store(&self) -> ModelStore {
        ModelStore::new(self.folder.path().join("models"))
    }

    async fn pull(&self, reference: &str) -> Result<LocalModel, HubError> {
        let puller = Puller::new(self.store(), self.options.clone());
        let reference = reference.parse().unwrap();
        let note = |event: PullEvent<'_>| self.events.lock().unwrap().push(format!("{event:?}"));
        puller.pull(&reference, &self.catalogue, &note).await
    }

    /// Pulls `small` and proves that its file is the right one.
    async fn pull_small(&self) -> PathBuf {
        let model = self.pull("small").await.unwrap();
        assert_eq!(std::fs::read(&model.path).unwrap(), CONTENT);
        let found = self
            .store()
            .find(&"small".parse().unwrap(), &self.catalogue);
        assert_eq!(found.unwrap(), Some(model.clone()));
        model.path
    }

    fn told(&self, what: &str) -> bool {
        self.events
            .lock()
            .unwrap()
            .iter()
            .any(|event| event.contains(what))
    }

    /// Gives up sources sooner than after ten seconds.
    fn impatient(mut self, limit: Duration) -> Self {
        self.options.stall_limit = limit;
        self
    }
}
