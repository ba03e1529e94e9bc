//! [`Translator`]: all of a translator that the outside sees.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use flume::Sender;
use parking_lot::Mutex;

use super::config::T5Config;
use super::model::T5;
use super::worker::{Job, Message, Worker};
use crate::checkpoint::{EncodeError, EncoderError, Folder, read_tokenizer};

/// A running model that writes a text for a text. Clones share it; when the last one is dropped, its
/// thread ends before the next token.
#[derive(Clone)]
pub struct Translator {
    owner: Arc<Owner>,
}

/// What a translator takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TranslatorConfig {
    /// Longest text in tokens; a longer one is refused, since half a text has no translation. The
    /// work grows with the square. Default: what the tokenizer's description says, or 512.
    pub max_input_tokens: Option<usize>,
    /// Texts that may wait; a caller beyond waits to be let in. Default: 64.
    pub max_queued: usize,
}

/// What was written for a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translation {
    /// The text.
    pub text: String,
    /// Whether the model ended it; else `max_tokens` did.
    pub complete: bool,
    /// Tokens read.
    pub read_tokens: usize,
    /// Tokens written, without the one that ends the text.
    pub written_tokens: usize,
}

/// Owns the thread.
struct Owner {
    jobs: Sender<Message>,
    closing: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
    max_input_tokens: usize,
}

/// Longest text that is looked at, in bytes.
const MAX_TEXT: usize = 1 << 20;
/// Longest text where nothing says it, in tokens: what T5 was trained with.
const USUAL_INPUT_TOKENS: usize = 512;

impl Default for TranslatorConfig {
    fn default() -> Self {
        Self {
            max_input_tokens: None,
            max_queued: 64,
        }
    }
}

impl Translator {
    /// Opens the model in a folder and starts its thread.
    ///
    /// # Errors
    /// [`EncoderError`] names the file and what is wrong with it.
    pub fn open(folder: &Path, config: &TranslatorConfig) -> Result<Self, EncoderError> {
        EncoderError::at_least_one("max_queued", config.max_queued)?;
        EncoderError::at_least_one("max_input_tokens", config.max_input_tokens.unwrap_or(1))?;
        let folder = Folder::new(folder);
        let described = T5Config::read(&folder)?;
        let tokenizer = read_tokenizer(&folder)?;
        let max_input_tokens = match config.max_input_tokens {
            Some(tokens) => tokens,
            None => folder.model_max_length()?.unwrap_or(USUAL_INPUT_TOKENS),
        };
        let closing = Arc::new(AtomicBool::new(false));
        let worker = Worker {
            model: T5::load(&folder, &described)?,
            tokenizer,
            start: described.start,
            ends: described.ends,
            max_input_tokens,
            closing: Arc::clone(&closing),
        };
        let (jobs, inbox) = flume::bounded(config.max_queued);
        let thread = thread::Builder::new()
            .name("translator".to_owned())
            .spawn(move || worker.run(&inbox))
            .map_err(|error| EncoderError::Thread(error.to_string()))?;
        let owner = Owner {
            jobs,
            closing,
            thread: Mutex::new(Some(thread)),
            max_input_tokens,
        };
        Ok(Self {
            owner: Arc::new(owner),
        })
    }

    /// Writes a text for a text, of `max_tokens` at most. What task it is stands at the text's
    /// beginning, as the model was trained: `translate English to French: `. Dropping the future
    /// ends the work before the next token.
    ///
    /// # Errors
    /// [`EncodeError::TooManyTokens`] where the text is longer than the model takes; other
    /// [`EncodeError`]s where it failed or is shutting down.
    pub async fn translate(
        &self,
        text: String,
        max_tokens: usize,
    ) -> Result<Translation, EncodeError> {
        if text.len() > MAX_TEXT {
            return Err(EncodeError::TooLong {
                index: 0,
                bytes: text.len(),
                limit: MAX_TEXT,
            });
        }
        let (answer, answers) = flume::bounded(1);
        let job = Job {
            text,
            max_tokens,
            answer,
        };
        let sent = self.owner.jobs.send_async(Some(job)).await;
        sent.map_err(|_| EncodeError::ShuttingDown)?;
        if self.owner.closing.load(Ordering::Acquire) {
            return Err(EncodeError::ShuttingDown);
        }
        let answer = answers.recv_async().await;
        answer.unwrap_or(Err(EncodeError::ShuttingDown))
    }

    /// Longest text in tokens, what begins and ends it included.
    pub fn max_input_tokens(&self) -> usize {
        self.owner.max_input_tokens
    }

    /// Takes no more texts, ends those that wait in [`EncodeError::ShuttingDown`], and returns when
    /// the thread is gone: before the next token. Calling it again does nothing.
    pub fn shutdown(&self) {
        self.owner.stop();
    }
}

impl Owner {
    fn stop(&self) {
        self.closing.store(true, Ordering::Release);
        // Where this finds no room the thread has messages to take, and sees the mark with the next.
        self.jobs.try_send(None).ok();
        // The lock is held while joining, so that whoever comes second waits as well.
        let mut thread = self.thread.lock();
        if let Some(Err(_)) = thread.take().map(JoinHandle::join) {
            tracing::error!("the translator's thread had panicked");
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Translator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Translator")
            .field("max_input_tokens", &self.owner.max_input_tokens)
            .finish_non_exhaustive()
    }
}
