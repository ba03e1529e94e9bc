//! A `penstock run` of this build, with the real model, on a free port.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

use tempfile::TempDir;

/// A running server. Killed when dropped.
pub(crate) struct Server {
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    /// All that the banner said.
    pub(crate) banner: String,
    child: Child,
    _home: Arc<TempDir>,
}

/// The id under which the tests serve the model.
pub(crate) const MODEL: &str = "smollm2-135m-instruct";

/// Path of the real model, which `make test` fetches.
pub(crate) fn model_path() -> String {
    required("PENSTOCK_TEST_MODEL")
}

/// An environment variable that `make test` sets.
#[expect(
    clippy::disallowed_methods,
    reason = "the test binary's one reader of the environment"
)]
pub(crate) fn required(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run the tests by `make test`"))
}

/// The binary under test, with a home of its own, so that no test sees another's state.
pub(crate) fn penstock(home: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_penstock"));
    command
        .env("PENSTOCK_HOME", home.path())
        .env_remove("HF_HOME");
    command
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A product of `configs/` with the models that the tests have, and a home with its prompts.
pub(crate) fn product(name: &str) -> (TempDir, String) {
    let home = TempDir::new().unwrap();
    symlink(root().join("prompts"), home.path().join("prompts")).unwrap();
    let mut text = std::fs::read_to_string(root().join("configs").join(name)).unwrap();
    for (source, variable) in [
        (MODEL, "PENSTOCK_TEST_MODEL"),
        ("all-minilm-l6-v2", "PENSTOCK_TEST_EMBEDDER"),
    ] {
        let source = format!("source: {source}\n");
        if text.contains(&source) {
            text = text.replace(&source, &format!("source: {}\n", required(variable)));
        }
    }
    (home, text)
}

/// Puts a configuration into a home.
pub(crate) fn write_config(home: &TempDir, text: &str) -> PathBuf {
    let config = home.path().join("config.yaml");
    std::fs::write(&config, text).unwrap();
    config
}

impl Server {
    /// Starts the server and waits for its banner. `extra` is YAML put at the end of the file.
    pub(crate) fn start(extra: &str) -> Self {
        let model = model_path();
        let text = format!(
            "models:\n  - name: {MODEL}\n    source: {model}\n    engine: {{ kv_cache: 512MiB }}\n    \
             sampling_defaults: {{ temperature: 0 }}\n{extra}\n"
        );
        Self::configured(TempDir::new().unwrap(), &text)
    }

    /// Starts a product of `configs/`, with the model that the tests have.
    pub(crate) fn product(name: &str) -> Self {
        Self::product_with(name, &[])
    }

    /// The same, with each of these texts of the file replaced by another.
    pub(crate) fn product_with(name: &str, replaced: &[(&str, &str)]) -> Self {
        let (home, mut text) = product(name);
        for (theirs, ours) in replaced {
            assert!(text.contains(theirs), "{theirs} is not in\n{text}");
            text = text.replace(theirs, ours);
        }
        Self::configured(home, &text)
    }

    /// Starts a configuration that is put into `home`, which another server may have used before.
    pub(crate) fn configured(home: impl Into<Arc<TempDir>>, text: &str) -> Self {
        let home = home.into();
        let config = write_config(&home, text);
        let mut child = penstock(&home)
            .arg("run")
            .arg(&config)
            .args(["--port", "0", "--admin-port", "0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut banner = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let url = loop {
            let start = banner.len();
            if lines.read_line(&mut banner).unwrap() == 0 {
                let mut errors = String::new();
                child
                    .stderr
                    .take()
                    .unwrap()
                    .read_to_string(&mut errors)
                    .unwrap();
                panic!("the server ended before its banner:\n{banner}\n{errors}");
            }
            let line = &banner[start..];
            if line.contains("curl ") {
                let from = banner.find("http://").expect("the banner names the URL");
                let rest = &banner[from..];
                let end = rest.find(|c: char| c.is_whitespace());
                break rest[..end.unwrap_or(rest.len())]
                    .trim_end_matches('/')
                    .to_owned();
            }
        };
        Self {
            url,
            banner,
            child,
            _home: home,
        }
    }

    /// Kills it as a crash would: nothing of it runs any more.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM, as an orchestrator does, and waits for the end.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
