//! The encoder's thread: takes what waits, computes it together, answers each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flume::{Receiver, RecvTimeoutError, Sender, TryRecvError};

use super::bert::Bert;
use super::error::EncodeError;
use super::tokens::Tokens;
use crate::core::Clock;

/// One text, and where its vector goes. The channel has room for all answers of its call, so the
/// thread never waits for a reader; a caller that is gone has closed it.
pub(super) struct Job {
    pub(super) text: String,
    /// Which text of the call it is.
    pub(super) index: usize,
    pub(super) answer: Sender<(usize, Answer)>,
}

/// A text's vector.
pub(super) type Answer = Result<Vec<f32>, EncodeError>;

/// The thread's state.
pub(super) struct Worker {
    pub(super) model: Bert,
    pub(super) tokens: Arc<Tokens>,
    pub(super) max_batch_size: usize,
    pub(super) batch_wait_timeout: Duration,
    pub(super) clock: Clock,
    /// Set before the thread is to end, and then it is woken.
    pub(super) closing: Arc<AtomicBool>,
}

/// What comes in: a text, or nothing to wake the thread when it is to end.
pub(super) type Message = Option<Job>;

/// Padded tokens of one forward pass at most: bounds its memory.
const MAX_TOKENS: usize = 8192;
/// Tokens by which the longest text of a pass may exceed the shortest, beside a quarter of it.
const SLACK: usize = 8;

impl Worker {
    /// Works until it is told to end, or every sender is gone. What waits then is told by its
    /// closed channel.
    pub(super) fn run(self, jobs: &Receiver<Message>) {
        while let Ok(Some(first)) = jobs.recv() {
            if self.closing.load(Ordering::Acquire) {
                break;
            }
            let mut batch = self.gather(first, jobs);
            batch.retain(|job| !job.answer.is_disconnected());
            self.answer(batch);
            if self.closing.load(Ordering::Acquire) {
                break;
            }
        }
        // Closes their channels; who sends after this sees the mark.
        drop(jobs.drain());
    }

    /// What waits, up to a batch, and what comes within the timeout.
    fn gather(&self, first: Job, jobs: &Receiver<Message>) -> Vec<Job> {
        let mut batch = vec![first];
        let start = self.clock.now();
        while batch.len() < self.max_batch_size {
            let message = match jobs.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {
                    let waited = self.clock.now().saturating_sub(start);
                    let left = self.batch_wait_timeout.saturating_sub(waited);
                    if left.is_zero() {
                        break;
                    }
                    match jobs.recv_timeout(left) {
                        Ok(message) => message,
                        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
                    }
                }
            };
            match message {
                Some(job) => batch.push(job),
                None => break,
            }
        }
        batch
    }

    fn answer(&self, batch: Vec<Job>) {
        let mut ready = Vec::with_capacity(batch.len());
        for job in batch {
            match self.tokens.ids(&job.text) {
                Ok(ids) => ready.push((ids, job)),
                Err(error) => send(&job, Err(error)),
            }
        }
        ready.sort_by_key(|(ids, _)| ids.len());
        for group in groups(&ready) {
            let texts: Vec<&[u32]> = group.iter().map(|(ids, _)| ids.as_slice()).collect();
            // A panic in the model ends one group, not the encoder.
            let vectors = catch_unwind(AssertUnwindSafe(|| self.model.embed(&texts)));
            match vectors {
                Ok(Ok(vectors)) => {
                    for ((_, job), vector) in group.iter().zip(vectors) {
                        send(job, Ok(vector));
                    }
                }
                Ok(Err(error)) => fail(group, &error.to_string()),
                Err(_) => fail(group, "the model panicked"),
            }
        }
    }
}

/// Cuts a batch, sorted by length, into passes with little padding.
fn groups<T>(mut ready: &[(Vec<u32>, T)]) -> Vec<&[(Vec<u32>, T)]> {
    let mut groups = Vec::new();
    while let Some(((shortest, _), _)) = ready.split_first() {
        let longest = shortest.len() + shortest.len() / 4 + SLACK;
        let fits = |(count, (ids, _)): (usize, &(Vec<u32>, T))| {
            ids.len() <= longest && (count == 0 || (count + 1) * ids.len() <= MAX_TOKENS)
        };
        let end = ready
            .iter()
            .enumerate()
            .take_while(|entry| fits(*entry))
            .count();
        let (group, rest) = ready.split_at(end.max(1));
        groups.push(group);
        ready = rest;
    }
    groups
}

fn fail<T>(group: &[(T, Job)], why: &str) {
    for (_, job) in group {
        send(job, Err(EncodeError::Failed(why.to_owned())));
    }
}

fn send(job: &Job, answer: Answer) {
    // The caller may have left meanwhile.
    job.answer.try_send((job.index, answer)).ok();
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::{MAX_TOKENS, SLACK, groups};

    proptest! {
        #[test]
        fn groups_keep_all_texts_and_the_bounds(mut lengths in vec(1..600_usize, 0..200)) {
            lengths.sort_unstable();
            let ready: Vec<(Vec<u32>, ())> = lengths.iter().map(|length| (vec![0; *length], ())).collect();
            let groups = groups(&ready);
            let all: Vec<usize> = groups.iter().flat_map(|group| group.iter().map(|(ids, ())| ids.len())).collect();
            prop_assert_eq!(&all, &lengths);
            for group in groups {
                let (least, most) = (group[0].0.len(), group[group.len() - 1].0.len());
                prop_assert!(group.len() == 1 || group.len() * most <= MAX_TOKENS);
                prop_assert!(most <= least + least / 4 + SLACK);
            }
        }
    }
}
