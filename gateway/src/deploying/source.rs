//! A configuration as it was written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use llm_apps::deployment::machine::Machine;
use llm_apps::spec::{Faults, ServeConfig};

/// The text of a configuration, and where it comes from. Variables in it (`${VAR}`) stand as they were
/// written, so that it can be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSource {
    /// How faults name it.
    pub file: String,
    /// The folder that relative paths in it begin at, on the server's machine.
    pub folder: PathBuf,
    /// The YAML.
    pub text: String,
}

impl ConfigSource {
    /// Proves it for any machine; `vars` are what `${VAR}` stands for.
    ///
    /// # Errors
    /// All faults, each with its place.
    pub fn prove(&self, vars: &BTreeMap<String, String>) -> Result<ServeConfig, Faults> {
        ServeConfig::parse(&self.file, &self.folder, self.text.as_bytes(), vars)
    }

    /// Proves it for a machine, which must have what each replica reserves.
    ///
    /// # Errors
    /// All faults, each with its place.
    pub fn prove_for(
        &self,
        machine: &Machine,
        vars: &BTreeMap<String, String>,
    ) -> Result<ServeConfig, Faults> {
        let text = self.text.as_bytes();
        ServeConfig::parse_for(machine, &self.file, &self.folder, text, vars)
    }
}
