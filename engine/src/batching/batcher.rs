//! The outside of the thread: inputs in, answers out, and its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use flume::Sender;
use parking_lot::Mutex;

use super::config::EncoderConfig;
use super::model::BatchModel;
use super::worker::{Job, Message, Worker};
use crate::checkpoint::{EncodeError, EncoderError, MAX_TEXT_BYTES};
use crate::handle::monotonic;

/// Owns the thread; when it is dropped, the thread ends after the batch in hand.
pub(crate) struct Batcher<M: BatchModel> {
    jobs: Sender<Message<M>>,
    closing: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl<M: BatchModel> Batcher<M> {
    /// Starts the thread, under this name.
    pub(crate) fn start(
        model: M,
        config: &EncoderConfig,
        name: &str,
    ) -> Result<Self, EncoderError> {
        EncoderError::at_least_one("max_batch_size", config.max_batch_size)?;
        EncoderError::at_least_one("max_queued", config.max_queued)?;
        let closing = Arc::new(AtomicBool::new(false));
        let worker = Worker {
            model,
            max_batch_size: config.max_batch_size,
            batch_wait_timeout: config.batch_wait_timeout,
            clock: monotonic(),
            closing: Arc::clone(&closing),
        };
        let (jobs, inbox) = flume::bounded(config.max_queued);
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || worker.run(&inbox))
            .map_err(|error| EncoderError::Thread(error.to_string()))?;
        Ok(Self {
            jobs,
            closing,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// The answers to some inputs, in their order. Dropping the future takes back what has not begun.
    pub(crate) async fn answer(
        &self,
        inputs: Vec<M::Input>,
    ) -> Result<Vec<M::Output>, EncodeError> {
        let sizes = inputs.iter().map(M::bytes).enumerate();
        if let Some((index, bytes)) = sizes.into_iter().find(|(_, bytes)| *bytes > MAX_TEXT_BYTES) {
            return Err(EncodeError::TooLong {
                index,
                bytes,
                limit: MAX_TEXT_BYTES,
            });
        }
        let count = inputs.len();
        let (answer, answers) = flume::bounded(count.max(1));
        for (index, input) in inputs.into_iter().enumerate() {
            let answer = answer.clone();
            let job = Job {
                input,
                index,
                answer,
            };
            let sent = self.jobs.send_async(Some(job)).await;
            sent.map_err(|_| EncodeError::ShuttingDown)?;
        }
        drop(answer);
        if self.closing.load(Ordering::Acquire) {
            return Err(EncodeError::ShuttingDown);
        }
        let mut found: Vec<Option<M::Output>> = (0..count).map(|_| None).collect();
        for _ in 0..count {
            let (index, output) = answers
                .recv_async()
                .await
                .map_err(|_| EncodeError::ShuttingDown)?;
            found[index] = Some(output?);
        }
        // Each index comes once: none is left.
        Ok(found.into_iter().flatten().collect())
    }

    /// Takes nothing more, ends what waits in [`EncodeError::ShuttingDown`], and returns when the
    /// thread is gone: after the batch in hand. Calling it again does nothing.
    pub(crate) fn stop(&self) {
        self.closing.store(true, Ordering::Release);
        // Where this finds no room the thread has messages to take, and sees the mark with the next.
        self.jobs.try_send(None).ok();
        // The lock is held while joining, so that whoever comes second waits as well.
        let mut thread = self.thread.lock();
        if let Some(Err(_)) = thread.take().map(JoinHandle::join) {
            tracing::error!("the thread of a model had panicked");
        }
    }
}

impl<M: BatchModel> Drop for Batcher<M> {
    fn drop(&mut self) {
        self.stop();
    }
}
