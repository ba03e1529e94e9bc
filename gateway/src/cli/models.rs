//! `penstock models`.

use anyhow::Result;
use engine::hub::{Catalogue, ModelKind, ModelReference, Source};
use llm_apps::spec::ByteSize;

use super::arguments;
use super::chat::Client;
use super::table::table;
use super::terminal::Terminal;
use crate::env::Environment;

/// Lists the catalogue, or what a server serves.
pub(super) async fn models(
    arguments: arguments::Models,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<()> {
    if let Some(url) = arguments.url {
        let client = Client::new(&url, environment.api_key())?;
        for id in client.models().await? {
            terminal.line(&id)?;
        }
        return Ok(());
    }
    let catalogue = Catalogue::built_in()?;
    let store = environment.store()?;
    let mut rows = Vec::new();
    for entry in catalogue.entries() {
        let reference = ModelReference::Name(entry.name.clone());
        let cached = store.find(&reference, &catalogue)?;
        let size = entry.sources.iter().find_map(Source::size);
        let kind = match entry.kind {
            ModelKind::Generate => "generate",
            ModelKind::Embed => "embed",
        };
        rows.push([
            entry.name.clone(),
            kind.to_owned(),
            entry.licence.clone(),
            size.map_or_else(String::new, |size| ByteSize(size).to_string()),
            if cached.is_some() { "yes" } else { "no" }.to_owned(),
            entry.description.clone(),
        ]);
    }
    let heading = ["NAME", "KIND", "LICENCE", "SIZE", "CACHED", "DESCRIPTION"];
    terminal.print(&table(heading, &rows))?;
    Ok(())
}
