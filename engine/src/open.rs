//! From a model on disk to a running engine and the text tools that belong to it.

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use thiserror::Error;

use crate::config::{EngineConfig, Speculation, SpeculationMethod};
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
    /// A draft model has another vocabulary.
    #[error(
        "{}: its vocabulary is not the served model's, so it cannot guess for it: token id {id} is \
         {draft:?} and not {served:?}",
        path.display()
    )]
    DraftVocabulary {
        /// The draft model.
        path: PathBuf,
        /// The first id that means something else.
        id: u32,
        /// What it means to the served model.
        served: String,
        /// What it means to the draft model.
        draft: String,
    },
    /// The engine cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Opens the model at `path`, a `.gguf` file or a folder of the hub's kind, and starts its engine.
/// The tokenizer is one thread's work, so it is read beside the weights; of faults in both its own
/// is told.
///
/// # Errors
/// [`OpenError`] names the file and what is wrong with it.
pub fn open(path: &Path, config: &EngineConfig) -> Result<OpenModel, OpenError> {
    let files = ModelFiles::find(path)?;
    let (tokenizer, loaded) = beside(
        || read_tokenizer(&files),
        || model::load(&files, config).map_err(OpenError::from),
    );
    let (tokenizer, loaded) = (tokenizer?, loaded?);
    let draft_files = match &config.speculation {
        Some(Speculation {
            method: SpeculationMethod::Draft { model },
            ..
        }) => Some(draft_files(model, &tokenizer)?),
        Some(_) | None => None,
    };
    let max_model_len = loaded.runner.limits().max_model_len;
    let draft = match draft_files {
        Some(files) => Some(model::load_draft(&files, config, max_model_len)?),
        None => None,
    };
    let eos_token_ids = loaded.eos_token_ids;
    let engine = Engine::start_with_draft(
        loaded.runner,
        draft.map(|draft| draft.runner),
        eos_token_ids.clone(),
        config,
    )?;
    Ok(OpenModel {
        engine,
        tokenizer,
        eos_token_ids,
        info: loaded.info,
    })
}

/// The tokenizer of the model at `path`, without its weights: for a process that has the model computed
/// elsewhere.
///
/// # Errors
/// [`OpenError`] names the file and what is wrong with it.
pub fn open_tokenizer(path: &Path) -> Result<Tokenizer, OpenError> {
    read_tokenizer(&ModelFiles::find(path)?)
}

/// Computes both, at the same time where the system has another thread.
fn beside<A: Send, B>(a: impl Fn() -> A + Sync, b: impl FnOnce() -> B) -> (A, B) {
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("tokenizer".to_owned());
        let coming = builder.spawn_scoped(scope, &a);
        let b = b();
        let a = match coming {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(_) => a(),
        };
        (a, b)
    })
}

/// The files of a draft model, whose token ids must mean what they mean to the served model.
fn draft_files(path: &Path, served: &Tokenizer) -> Result<ModelFiles, OpenError> {
    let files = ModelFiles::find(path)?;
    let draft = read_tokenizer(&files)?;
    let differs = |id: &u32| {
        served.token_bytes(*id) != draft.token_bytes(*id)
            || served.is_special(*id) != draft.is_special(*id)
    };
    let most = served.vocab_size().max(draft.vocab_size());
    let ids = 0..u32::try_from(most).unwrap_or(u32::MAX);
    match ids.into_iter().find(differs) {
        None => Ok(files),
        Some(id) => Err(OpenError::DraftVocabulary {
            path: path.to_owned(),
            id,
            served: String::from_utf8_lossy(served.token_bytes(id)).into_owned(),
            draft: String::from_utf8_lossy(draft.token_bytes(id)).into_owned(),
        }),
    }
}

fn read_tokenizer(files: &ModelFiles) -> Result<Tokenizer, OpenError> {
    match files {
        ModelFiles::Gguf { first, .. } => gguf_tokenizer(first),
        ModelFiles::Folder(folder) => HuggingFaceFiles::read(&folder.path)
            .and_then(|files| Tokenizer::from_huggingface(&files))
            .map_err(|source| tokenizer_error(&folder.path, source)),
    }
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
