//! `penstock build SOURCES... [-o FILE]`.

use std::path::Path;

use anyhow::{Context, Result, bail};
use gateway::ConfigSource;
use llm_apps::spec::{complete, of_models};
use serde_json::Value;

use super::arguments;
use super::run::machine;
use super::source;
use super::terminal::Terminal;
use crate::env::Environment;

/// Writes a complete configuration. What is written is proved first, so that it can be run as it is.
pub(super) fn build(
    arguments: arguments::Build,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<()> {
    let (short, origin) = read(&arguments.sources)?;
    let text = serde_saphyr::to_string(&complete(short))?;
    let built = ConfigSource { text, ..origin };
    built.prove_for(&machine(), environment.vars())?;
    match arguments.output {
        None => terminal.print(&built.text)?,
        Some(path) => std::fs::write(&path, &built.text)
            .with_context(|| format!("cannot write {}", path.display()))?,
    }
    Ok(())
}

/// The short configuration, and where it comes from.
fn read(sources: &[String]) -> Result<(Value, ConfigSource)> {
    if let [one] = sources
        && Path::new(one).is_file()
    {
        let source = source::read(Path::new(one))?;
        let short = serde_saphyr::from_str(&source.text)?;
        return Ok((short, source));
    }
    let is_yaml = |source: &&String| source.ends_with(".yaml") || source.ends_with(".yml");
    if let Some(file) = sources.iter().find(is_yaml) {
        bail!("one configuration at a time, and there must be one at `{file}`");
    }
    let nowhere = ConfigSource {
        file: "the configuration".to_owned(),
        folder: Path::new("").to_owned(),
        text: String::new(),
    };
    Ok((of_models(sources), nowhere))
}
