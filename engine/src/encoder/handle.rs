//! [`Encoder`]: all of an encoder that the outside sees.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use flume::Sender;
use parking_lot::Mutex;

use super::bert::Bert;
use super::error::{EncodeError, EncoderError};
use super::files::EncoderFiles;
use super::tokens::Tokens;
use super::worker::{Job, Message, Worker};
use crate::handle::monotonic;

/// A running encoder. Clones share it; when the last one is dropped, its thread ends after the batch
/// in hand.
#[derive(Clone)]
pub struct Encoder {
    owner: Arc<Owner>,
}

/// How an encoder batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderConfig {
    /// Texts of one batch at most. Default: 32.
    pub max_batch_size: usize,
    /// How long the first text of a batch waits for others; zero takes what is there. Default: zero.
    pub batch_wait_timeout: Duration,
    /// Texts that may wait; a call that brings more waits with the rest. Default: 1024.
    pub max_queued: usize,
}

/// Owns the thread.
struct Owner {
    jobs: Sender<Message>,
    closing: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
    tokens: Arc<Tokens>,
    dimension: usize,
    max_seq_length: usize,
}

/// Longest text that is looked at, in bytes; the model sees its beginning only.
const MAX_TEXT: usize = 1 << 20;

impl Default for EncoderConfig {
    fn default() -> Self {
        Self {
            max_batch_size: 32,
            batch_wait_timeout: Duration::ZERO,
            max_queued: 1024,
        }
    }
}

impl Encoder {
    /// Opens the model in a folder and starts its thread.
    ///
    /// # Errors
    /// [`EncoderError`] names the file and what is wrong with it.
    pub fn open(folder: &Path, config: &EncoderConfig) -> Result<Self, EncoderError> {
        at_least_one("max_batch_size", config.max_batch_size)?;
        at_least_one("max_queued", config.max_queued)?;
        let files = EncoderFiles::read(folder)?;
        let tokens = Arc::new(Tokens::new(&files)?);
        let closing = Arc::new(AtomicBool::new(false));
        let worker = Worker {
            model: Bert::load(&files)?,
            tokens: Arc::clone(&tokens),
            max_batch_size: config.max_batch_size,
            batch_wait_timeout: config.batch_wait_timeout,
            clock: monotonic(),
            closing: Arc::clone(&closing),
        };
        let (jobs, inbox) = flume::bounded(config.max_queued);
        let thread = thread::Builder::new()
            .name("encoder".to_owned())
            .spawn(move || worker.run(&inbox))
            .map_err(|error| EncoderError::Thread(error.to_string()))?;
        let owner = Owner {
            jobs,
            closing,
            thread: Mutex::new(Some(thread)),
            tokens,
            dimension: files.config.hidden_size,
            max_seq_length: files.max_seq_length,
        };
        Ok(Self {
            owner: Arc::new(owner),
        })
    }

    /// The vectors of some texts, in their order. A text beyond the model's length counts by its
    /// beginning. Dropping the future takes back what has not begun.
    ///
    /// # Errors
    /// [`EncodeError`]; then there is no vector of any.
    pub async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EncodeError> {
        if let Some((index, text)) = texts.iter().enumerate().find(|(_, t)| t.len() > MAX_TEXT) {
            return Err(EncodeError::TooLong {
                index,
                bytes: text.len(),
                limit: MAX_TEXT,
            });
        }
        let mut vectors = vec![Vec::new(); texts.len()];
        let (answer, answers) = flume::bounded(texts.len().max(1));
        for (index, text) in texts.into_iter().enumerate() {
            let answer = answer.clone();
            let job = Job {
                text,
                index,
                answer,
            };
            let sent = self.owner.jobs.send_async(Some(job)).await;
            sent.map_err(|_| EncodeError::ShuttingDown)?;
        }
        drop(answer);
        if self.owner.closing.load(Ordering::Acquire) {
            return Err(EncodeError::ShuttingDown);
        }
        for _ in 0..vectors.len() {
            let (index, vector) = answers
                .recv_async()
                .await
                .map_err(|_| EncodeError::ShuttingDown)?;
            vectors[index] = vector?;
        }
        Ok(vectors)
    }

    /// Numbers of a vector.
    pub fn dimension(&self) -> usize {
        self.owner.dimension
    }

    /// Longest text in tokens, the two that begin and end it included; what goes beyond is not seen.
    pub fn max_seq_length(&self) -> usize {
        self.owner.max_seq_length
    }

    /// Tokens of a text by itself, however long. For callers that cut texts to fit; it computes on
    /// the caller's thread.
    ///
    /// # Errors
    /// [`EncodeError::Failed`] when the tokenizer cannot cut it.
    pub fn count_tokens(&self, text: &str) -> Result<usize, EncodeError> {
        self.owner.tokens.count(text)
    }

    /// Takes no more texts, ends those that wait in [`EncodeError::ShuttingDown`], and returns when
    /// the thread is gone: after the batch in hand. Calling it again does nothing.
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
            tracing::error!("the encoder's thread had panicked");
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("dimension", &self.owner.dimension)
            .field("max_seq_length", &self.owner.max_seq_length)
            .finish_non_exhaustive()
    }
}

fn at_least_one(param: &'static str, value: usize) -> Result<(), EncoderError> {
    if value > 0 {
        return Ok(());
    }
    Err(EncoderError::OutOfRange {
        param,
        expected: "at least 1",
        value,
    })
}
