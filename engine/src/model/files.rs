//! What of a model lies on disk: one GGUF file (or its parts), or a folder of the hub's kind.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::model::ModelError;

/// The files of one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelFiles {
    /// GGUF: weights, tokenizer and chat template in one file. Large models come split into parts,
    /// of which the first holds all but weights.
    Gguf {
        /// The file, or the first part.
        first: PathBuf,
        /// Further parts, in order.
        rest: Vec<PathBuf>,
    },
    /// A folder with `config.json` and safetensors.
    Folder(ModelFolder),
}

/// A folder as `transformers` saves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFolder {
    /// The folder.
    pub path: PathBuf,
    /// `config.json`.
    pub config: PathBuf,
    /// The weights.
    pub weights: WeightFiles,
    /// `tokenizer.json`.
    pub tokenizer: PathBuf,
    /// `tokenizer_config.json`.
    pub tokenizer_config: Option<PathBuf>,
    /// `chat_template.jinja`; older models have it in `tokenizer_config.json`.
    pub chat_template: Option<PathBuf>,
    /// `generation_config.json`.
    pub generation_config: Option<PathBuf>,
}

/// Weights in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WeightFiles {
    /// `model.safetensors`.
    Single(PathBuf),
    /// `model.safetensors.index.json`, which names the files.
    Indexed(PathBuf),
}

impl ModelFiles {
    /// Looks for a model at `path`: a `.gguf` file, a folder with exactly one, or a folder with
    /// `config.json`, `tokenizer.json` and safetensors.
    ///
    /// # Errors
    /// [`ModelError::NotFound`] names what is missing.
    pub fn find(path: &Path) -> Result<Self, ModelError> {
        let kind = fs::metadata(path).map_err(|error| ModelError::Io(error).at(path))?;
        if kind.is_dir() {
            return Self::in_folder(path);
        }
        if path.extension() == Some(OsStr::new("gguf")) {
            return Self::gguf(path);
        }
        Err(ModelError::NotFound(format!(
            "{path:?} is neither a folder nor a .gguf file"
        )))
    }

    /// The file, or the first part, or the folder.
    pub fn path(&self) -> &Path {
        match self {
            Self::Gguf { first, .. } => first,
            Self::Folder(folder) => &folder.path,
        }
    }

    fn in_folder(path: &Path) -> Result<Self, ModelError> {
        if path.join("config.json").is_file() {
            return ModelFolder::find(path).map(Self::Folder);
        }
        let mut files = gguf_files(path).map_err(|error| ModelError::Io(error).at(path))?;
        // Of a split model only the first part can be opened.
        files.retain(|file| Part::of(file).is_none_or(|part| part.number == 1));
        match files.as_slice() {
            [only] => Self::gguf(only),
            [] => Err(ModelError::NotFound(format!(
                "{path:?} has neither a config.json nor a .gguf file"
            ))),
            several => {
                let names: Vec<_> = several.iter().filter_map(|file| file.file_name()).collect();
                Err(ModelError::NotFound(format!(
                    "{path:?} has several .gguf files, name one of them: {names:?}"
                )))
            }
        }
    }

    fn gguf(path: &Path) -> Result<Self, ModelError> {
        let first = path.to_owned();
        let Some(part) = Part::of(path) else {
            let rest = Vec::new();
            return Ok(Self::Gguf { first, rest });
        };
        if part.number != 1 {
            return Err(ModelError::NotFound(format!(
                "{path:?} is part {} of {}; name the first part",
                part.number, part.count
            )));
        }
        let mut rest = Vec::new();
        for number in 2..=part.count {
            let file = part.sibling(path, number);
            if !file.is_file() {
                return Err(ModelError::NotFound(format!(
                    "{path:?} is the first of {} parts, but {file:?} is missing",
                    part.count
                )));
            }
            rest.push(file);
        }
        Ok(Self::Gguf { first, rest })
    }
}

impl ModelFolder {
    fn find(path: &Path) -> Result<Self, ModelError> {
        let optional = |name: &str| Some(path.join(name)).filter(|file| file.is_file());
        let needed = |name: &str| {
            optional(name).ok_or_else(|| ModelError::NotFound(format!("{path:?} has no {name}")))
        };
        let single = optional("model.safetensors").map(WeightFiles::Single);
        let indexed = || optional("model.safetensors.index.json").map(WeightFiles::Indexed);
        let weights = single.or_else(indexed).ok_or_else(|| {
            ModelError::NotFound(format!(
                "{path:?} has neither model.safetensors nor model.safetensors.index.json"
            ))
        })?;
        Ok(Self {
            path: path.to_owned(),
            config: needed("config.json")?,
            weights,
            tokenizer: needed("tokenizer.json")?,
            tokenizer_config: optional("tokenizer_config.json"),
            chat_template: optional("chat_template.jinja"),
            generation_config: optional("generation_config.json"),
        })
    }
}

/// One part of a split file: `name-00001-of-00003.gguf`.
struct Part {
    stem: String,
    number: u32,
    count: u32,
}

impl Part {
    fn of(path: &Path) -> Option<Self> {
        let stem = path.file_stem()?.to_str()?;
        let (stem, count) = stem.rsplit_once("-of-")?;
        let (stem, number) = stem.rsplit_once('-')?;
        let five_digits = |text: &str| {
            let right = text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
            right.then(|| text.parse().ok()).flatten()
        };
        Some(Self {
            stem: stem.to_owned(),
            number: five_digits(number)?,
            count: five_digits(count)?,
        })
    }

    fn sibling(&self, path: &Path, number: u32) -> PathBuf {
        path.with_file_name(format!(
            "{}-{number:05}-of-{:05}.gguf",
            self.stem, self.count
        ))
    }
}

/// The `.gguf` files of a folder, by name.
fn gguf_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("gguf")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
