//! From a model on disk to a running engine and the text tools that belong to it.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::config::EngineConfig;
use crate::gguf::{GgufError, GgufFile};
use crate::handle::{Engine, StartError};
use crate::model::{self, ModelError, ModelFiles, ModelInfo};
use crate::tokenizer::{GgufVocabulary, HuggingFaceFiles, Tokenizer, TokenizerError};

/// A model that runs.
#[derive(Debug, Clone)]
pub struct OpenModel {
    /// Takes requests.
    pub engine: Engine,
    /// Text to ids and back; it holds the chat templates.
    pub tokenizer: Tokenizer,
    /// Tokens that end an answer, ascending.
    pub eos_token_ids: Vec<u32>,
    /// Facts for people.
    pub info: ModelInfo,
}

/// Why a model cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The files are not a model that we run, or the configuration does not fit it.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A GGUF file is truncated or corrupt.
    #[error("{}: {source}", path.display())]
    Gguf {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: GgufError,
    },
    /// There is no tokenizer, or not one that we know.
    #[error("{}: {source}", path.display())]
    Tokenizer {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with its tokenizer.
        source: TokenizerError,
    },
    /// The engine cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Opens the model at `path`, a `.gguf` file or a folder of the hub's kind, and starts its engine.
/// The tokenizer is read first: it is small, and its faults should show before gigabytes are read.
///
/// # Errors
/// [`OpenError`] names the file and what is wrong with it.
pub fn open(path: &Path, config: &EngineConfig) -> Result<OpenModel, OpenError> {
    let files = ModelFiles::find(path)?;
    let tokenizer = match &files {
        ModelFiles::Gguf { first, .. } => gguf_tokenizer(first)?,
        ModelFiles::Folder(folder) => HuggingFaceFiles::read(&folder.path)
            .and_then(|files| Tokenizer::from_huggingface(&files))
            .map_err(|source| tokenizer_error(&folder.path, source))?,
    };
    let loaded = model::load(&files, config)?;
    let eos_token_ids = loaded.eos_token_ids;
    let engine = Engine::start(Box::new(loaded.runner), eos_token_ids.clone(), config)?;
    Ok(OpenModel {
        engine,
        tokenizer,
        eos_token_ids,
        info: loaded.info,
    })
}

fn gguf_tokenizer(path: &Path) -> Result<Tokenizer, OpenError> {
    let file = GgufFile::open(path).map_err(|source| OpenError::Gguf {
        path: path.to_owned(),
        source,
    })?;
    GgufVocabulary::read(file.metadata())
        .and_then(|vocabulary| Tokenizer::from_gguf(&vocabulary))
        .map_err(|source| tokenizer_error(path, source))
}

fn tokenizer_error(path: &Path, source: TokenizerError) -> OpenError {
    let path = path.to_owned();
    OpenError::Tokenizer { path, source }
}
