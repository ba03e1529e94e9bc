//! The catalogue: models by name, each with a licence and ordered sources (`configs/models.yaml`).

use serde::Deserialize;
use thiserror::Error;

use super::source::Source;
use super::written::WrittenCatalogue;

/// Models that can be had by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    entries: Vec<CatalogueEntry>,
}

/// One model of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueEntry {
    /// The name by which it is had.
    pub name: String,
    /// What it is, in one line.
    pub description: String,
    /// SPDX identifier of the weights' licence.
    pub licence: String,
    /// What it does.
    pub kind: ModelKind,
    /// Where it can be fetched, in the order in which they are tried; at least one.
    pub sources: Vec<Source>,
}

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// Continues a text.
    Generate,
    /// Turns a text into a vector.
    Embed,
}

/// What is wrong with a catalogue, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}{place}: {message}")]
pub struct CatalogueError {
    /// The catalogue's name.
    pub file: String,
    /// `:line:column`, when it is known.
    pub place: String,
    /// The fault.
    pub message: String,
}

impl Catalogue {
    /// The catalogue that the program ships.
    ///
    /// # Errors
    /// None in a program that passed its tests: the file is checked there.
    pub fn built_in() -> Result<Self, CatalogueError> {
        Self::parse("models.yaml", include_str!("../../../configs/models.yaml"))
    }

    /// Parses a catalogue; `file` names it in errors.
    ///
    /// # Errors
    /// The first fault, with its place.
    pub fn parse(file: &str, yaml: &str) -> Result<Self, CatalogueError> {
        let fault = |place: String, message: String| CatalogueError {
            file: file.to_owned(),
            place,
            message,
        };
        let raw: WrittenCatalogue = serde_saphyr::from_str(yaml).map_err(|error| {
            let place = error
                .location()
                .map(|at| format!(":{}:{}", at.line(), at.column()))
                .unwrap_or_default();
            fault(place, error.without_snippet().to_string())
        })?;
        let mut entries: Vec<CatalogueEntry> = Vec::with_capacity(raw.models.len());
        for model in raw.models {
            let name = model.name.clone();
            let entry = model
                .prove()
                .map_err(|message| fault(String::new(), format!("model `{name}`: {message}")))?;
            if entries.iter().any(|other| other.name == name) {
                let message = format!("model `{name}` is there twice; names are unique");
                return Err(fault(String::new(), message));
            }
            entries.push(entry);
        }
        Ok(Self { entries })
    }

    /// All models, in the order of the file.
    pub fn entries(&self) -> &[CatalogueEntry] {
        &self.entries
    }

    /// The model of this name.
    pub fn get(&self, name: &str) -> Option<&CatalogueEntry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// The name that `name` was probably meant to be.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        let best = self.most_alike(name).into_iter().next()?;
        (strsim::jaro_winkler(best, name) > 0.8).then_some(best)
    }

    /// All names, those most like `name` first.
    pub fn most_alike(&self, name: &str) -> Vec<&str> {
        let names = self.entries.iter().map(|entry| entry.name.as_str());
        let mut names: Vec<_> = names
            .map(|known| (strsim::jaro_winkler(known, name), known))
            .collect();
        names.sort_by(|a, b| b.0.total_cmp(&a.0));
        names.into_iter().map(|(_, known)| known).collect()
    }
}

#[cfg(test)]
mod tests;
