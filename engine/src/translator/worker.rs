//! The thread: one text after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flume::{Receiver, Sender};
use tokenizers::Tokenizer;

use super::handle::Translation;
use super::model::T5;
use crate::checkpoint::EncodeError;

/// One text, and where its translation goes. A caller that is gone has closed the channel.
pub(super) struct Job {
    pub(super) text: String,
    pub(super) max_tokens: usize,
    pub(super) answer: Sender<Answer>,
}

pub(super) type Answer = Result<Translation, EncodeError>;

/// What comes in: a text, or nothing to wake the thread when it is to end.
pub(super) type Message = Option<Job>;

/// The thread's state.
pub(super) struct Worker {
    pub(super) model: T5,
    pub(super) tokenizer: Tokenizer,
    pub(super) start: u32,
    pub(super) ends: Vec<u32>,
    pub(super) max_input_tokens: usize,
    /// Set before the thread is to end, and then it is woken.
    pub(super) closing: Arc<AtomicBool>,
}

impl Worker {
    /// Works until it is told to end, or every sender is gone. What waits then is told by its
    /// closed channel.
    pub(super) fn run(self, jobs: &Receiver<Message>) {
        while let Ok(Some(job)) = jobs.recv() {
            if self.closing() {
                break;
            }
            if job.answer.is_disconnected() {
                continue;
            }
            // A panic in the model ends one text, not the thread.
            let answer = catch_unwind(AssertUnwindSafe(|| self.translate(&job)));
            let panicked = |_| Err(EncodeError::Failed("it panicked".to_owned()));
            // The caller may have left meanwhile.
            job.answer.try_send(answer.unwrap_or_else(panicked)).ok();
        }
        // Closes their channels; who sends after this sees the mark.
        drop(jobs.drain());
    }

    fn closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    fn translate(&self, job: &Job) -> Answer {
        let failed = |error: candle_core::Error| EncodeError::Failed(error.to_string());
        let tokenized = |error: tokenizers::Error| EncodeError::Failed(error.to_string());
        let read = self.tokenizer.encode_fast(job.text.as_str(), true);
        let read = read.map_err(tokenized)?;
        if read.is_empty() {
            let why = "the tokenizer makes no token of this text";
            return Err(EncodeError::Failed(why.to_owned()));
        }
        if read.len() > self.max_input_tokens {
            return Err(EncodeError::TooManyTokens {
                tokens: read.len(),
                limit: self.max_input_tokens,
            });
        }
        let mut writing = self.model.read(read.get_ids()).map_err(failed)?;
        let (mut written, mut last, mut complete) = (Vec::new(), self.start, false);
        while written.len() < job.max_tokens {
            if self.closing() || job.answer.is_disconnected() {
                return Err(EncodeError::ShuttingDown);
            }
            let logits = self.model.write(&mut writing, last).map_err(failed)?;
            last = likeliest(&logits)
                .ok_or_else(|| EncodeError::Failed("a logit is no number".to_owned()))?;
            if self.ends.contains(&last) {
                complete = true;
                break;
            }
            written.push(last);
        }
        let text = self.tokenizer.decode(&written, true).map_err(tokenized)?;
        Ok(Translation {
            text,
            complete,
            read_tokens: read.len(),
            written_tokens: written.len(),
        })
    }
}

/// The first of the tokens with the largest logit; `None` where one is no number.
pub(super) fn likeliest(logits: &[f32]) -> Option<u32> {
    let mut best: Option<(usize, f32)> = None;
    for (id, logit) in logits.iter().copied().enumerate() {
        if logit.is_nan() {
            return None;
        }
        if best.is_none_or(|(_, most)| logit > most) {
            best = Some((id, logit));
        }
    }
    best.and_then(|(id, _)| u32::try_from(id).ok())
}
