//! What a person writes to name a model, parsed once.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

/// A model's name as it is written in a configuration or on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelReference {
    /// A GGUF file, or a folder with safetensors files, on this machine. Recognised by a path
    /// separator, a leading dot or a model file's extension.
    Path(PathBuf),
    /// `hf://owner/name[@revision][/file]`.
    Hub(HubReference),
    /// A name of the catalogue: lower-case letters, digits, `-`, `_` and `.`.
    Name(String),
}

/// A repository of the Hugging Face hub, or one file of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HubReference {
    /// Who owns the repository.
    pub owner: String,
    /// The repository's name.
    pub name: String,
    /// Branch, tag or commit; `None` is the branch `main`. It holds no `/`.
    pub revision: Option<String>,
    /// Path of one file in the repository; `None` takes what a model needs of it.
    pub file: Option<String>,
}

/// What is wrong with a reference, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` names no model: {why}")]
pub struct ReferenceError {
    /// The reference as it was given.
    pub text: String,
    /// The fault and its remedy.
    pub why: String,
}

const FORMS: &str =
    "write a path such as ./model.gguf, hf://owner/name, or a name that `penstock models` lists";

impl FromStr for ModelReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |why: String| ReferenceError {
            text: text.to_owned(),
            why,
        };
        if text.trim().is_empty() {
            return Err(wrong(format!("it is empty; {FORMS}")));
        }
        if text.contains('\0') {
            return Err(wrong(format!("it holds a NUL character; {FORMS}")));
        }
        if let Some(rest) = text.strip_prefix("hf://") {
            return HubReference::parse(rest).map(Self::Hub).map_err(wrong);
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(wrong(format!("`{scheme}://` is not supported; {FORMS}")));
        }
        if is_path(text) {
            return Ok(Self::Path(PathBuf::from(text)));
        }
        if is_catalogue_name(text) {
            return Ok(Self::Name(text.to_owned()));
        }
        Err(wrong(format!(
            "a name has lower-case letters, digits, `-`, `_` and `.` only; {FORMS}"
        )))
    }
}

/// Whether `text` may be a name in the catalogue.
pub(super) fn is_catalogue_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(['.', '-'])
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b))
}

fn is_path(text: &str) -> bool {
    text.contains(std::path::is_separator)
        || text.starts_with('.')
        || text.ends_with(".gguf")
        || text.ends_with(".safetensors")
}

impl HubReference {
    /// Parses what stands after `hf://`.
    pub(super) fn parse(rest: &str) -> Result<Self, String> {
        const FORM: &str = "write hf://owner/name[@revision][/file]";
        let mut parts = rest.splitn(3, '/');
        let (owner, repository, file) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
            parts.next(),
        );
        if owner.is_empty() || repository.is_empty() {
            return Err(format!(
                "owner and name of the repository are needed; {FORM}"
            ));
        }
        let (name, revision) = match repository.split_once('@') {
            Some((name, revision)) => (name, Some(revision)),
            None => (repository, None),
        };
        for (what, part) in [("owner", owner), ("name", name)] {
            if !is_repository_part(part) {
                return Err(format!(
                    "the {what} `{part}` may have letters, digits, `-`, `_` and `.` only; {FORM}"
                ));
            }
        }
        if let Some(revision) = revision
            && !is_repository_part(revision)
        {
            return Err(format!(
                "the revision `{revision}` is not a branch, tag or commit; {FORM}"
            ));
        }
        if let Some(file) = file
            && !is_plain_relative_path(file)
        {
            return Err(format!(
                "`{file}` is not the path of a file in a repository; {FORM}"
            ));
        }
        Ok(Self {
            owner: owner.to_owned(),
            name: name.to_owned(),
            revision: revision.map(str::to_owned),
            file: file.map(str::to_owned),
        })
    }
}

fn is_repository_part(part: &str) -> bool {
    !part.is_empty()
        && part.len() <= 96
        && !part.starts_with(['.', '-'])
        && part
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// Whether `path` stays below the folder that it is joined to, on every system.
pub(super) fn is_plain_relative_path(path: &str) -> bool {
    path.len() <= 512
        && path
            .split('/')
            .all(|part| !matches!(part, "" | "." | "..") && !part.contains(['\\', ':', '\0']))
}

impl fmt::Display for HubReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hf://{}/{}", self.owner, self.name)?;
        if let Some(revision) = &self.revision {
            write!(f, "@{revision}")?;
        }
        match &self.file {
            Some(file) => write!(f, "/{file}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ModelReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Hub(hub) => hub.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_three_forms_are_told_apart() {
        let hub = |revision: Option<&str>, file: Option<&str>| {
            ModelReference::Hub(HubReference {
                owner: "Qwen".to_owned(),
                name: "Qwen3-0.6B".to_owned(),
                revision: revision.map(str::to_owned),
                file: file.map(str::to_owned),
            })
        };
        let cases = [
            (
                "smollm2-135m-instruct",
                ModelReference::Name("smollm2-135m-instruct".to_owned()),
            ),
            ("model.gguf", ModelReference::Path("model.gguf".into())),
            ("./folder", ModelReference::Path("./folder".into())),
            (
                "/models/Some Model",
                ModelReference::Path("/models/Some Model".into()),
            ),
            ("hf://Qwen/Qwen3-0.6B", hub(None, None)),
            ("hf://Qwen/Qwen3-0.6B@main", hub(Some("main"), None)),
            (
                "hf://Qwen/Qwen3-0.6B@v1/sub/q8.gguf",
                hub(Some("v1"), Some("sub/q8.gguf")),
            ),
            ("hf://Qwen/Qwen3-0.6B/q8.gguf", hub(None, Some("q8.gguf"))),
        ];
        for (text, expected) in cases {
            let parsed: ModelReference = text.parse().unwrap();
            assert_eq!(parsed, expected, "{text}");
            assert_eq!(
                parsed.to_string(),
                text,
                "a reference prints as it was written"
            );
        }
    }

    #[test]
    fn a_wrong_reference_says_what_would_be_right() {
        let cases = [
            ("", "it is empty; write a path"),
            ("https://example.org/m.gguf", "`https://` is not supported"),
            ("hf://Qwen", "owner and name of the repository are needed"),
            ("hf:///name", "owner and name of the repository are needed"),
            ("hf://Qwen/Qwen3@/f", "the revision `` is not a branch"),
            ("hf://Qwen/Qw en", "the name `Qw en` may have"),
            (
                "hf://Qwen/Qwen3/../../etc/passwd",
                "is not the path of a file",
            ),
            ("hf://Qwen/Qwen3/", "is not the path of a file"),
            ("Upper Case", "lower-case letters"),
        ];
        for (text, expected) in cases {
            let error = text.parse::<ModelReference>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn no_text_panics_and_what_parses_prints_the_same(text in "(hf://)?[a-z./@\\\\: -]{0,24}|\\PC{0,24}") {
            if let Ok(reference) = text.parse::<ModelReference>() {
                prop_assert_eq!(reference.to_string(), text);
            }
        }
    }
}
