//! The thread: takes what waits, computes it together, answers each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flume::{Receiver, RecvTimeoutError, Sender, TryRecvError};

use super::model::BatchModel;
use crate::checkpoint::{EncodeError, TokenIds};
use crate::core::Clock;

/// One input, and where its answer goes. The channel has room for all answers of its call, so the
/// thread never waits for a reader; a caller that is gone has closed it.
pub(super) struct Job<I, O> {
    pub(super) input: I,
    /// Which input of the call it is.
    pub(super) index: usize,
    pub(super) answer: Sender<(usize, Result<O, EncodeError>)>,
}

/// The thread's state.
pub(super) struct Worker<M> {
    pub(super) model: M,
    pub(super) max_batch_size: usize,
    pub(super) batch_wait_timeout: Duration,
    pub(super) clock: Clock,
    /// Set before the thread is to end, and then it is woken.
    pub(super) closing: Arc<AtomicBool>,
}

/// What comes in: an input, or nothing to wake the thread when it is to end.
pub(super) type Message<M> = Option<JobOf<M>>;

type JobOf<M> = Job<<M as BatchModel>::Input, <M as BatchModel>::Output>;

/// Padded tokens of one forward pass at most: bounds its memory.
const MAX_TOKENS: usize = 8192;
/// Tokens by which the longest text of a pass may exceed the shortest, beside a quarter of it.
const SLACK: usize = 8;

impl<M: BatchModel> Worker<M> {
    /// Works until it is told to end, or every sender is gone. What waits then is told by its
    /// closed channel.
    pub(super) fn run(self, jobs: &Receiver<Message<M>>) {
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
    fn gather(&self, first: JobOf<M>, jobs: &Receiver<Message<M>>) -> Vec<JobOf<M>> {
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

    fn answer(&self, batch: Vec<JobOf<M>>) {
        let mut ready = Vec::with_capacity(batch.len());
        for job in batch {
            match self.model.tokens(&job.input) {
                Ok(ids) => ready.push((ids, job)),
                Err(error) => send(&job, Err(error)),
            }
        }
        ready.sort_by_key(|(ids, _)| ids.ids.len());
        for group in groups(&ready) {
            let inputs: Vec<&TokenIds> = group.iter().map(|(ids, _)| ids).collect();
            // A panic in the model ends one group, not the thread.
            let outputs = catch_unwind(AssertUnwindSafe(|| self.model.compute(&inputs)));
            match outputs {
                Ok(Ok(outputs)) => {
                    for ((_, job), output) in group.iter().zip(outputs) {
                        send(job, Ok(output));
                    }
                }
                Ok(Err(why)) => fail(group, &why),
                Err(_) => fail(group, "it panicked"),
            }
        }
    }
}

/// Cuts a batch, sorted by length, into passes with little padding.
fn groups<T>(mut ready: &[(TokenIds, T)]) -> Vec<&[(TokenIds, T)]> {
    let mut groups = Vec::new();
    while let Some(((shortest, _), _)) = ready.split_first() {
        let shortest = shortest.ids.len();
        let longest = shortest + shortest / 4 + SLACK;
        let fits = |(count, (ids, _)): (usize, &(TokenIds, T))| {
            let length = ids.ids.len();
            length <= longest && (count == 0 || (count + 1) * length <= MAX_TOKENS)
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

fn fail<I, O>(group: &[(TokenIds, Job<I, O>)], why: &str) {
    for (_, job) in group {
        send(job, Err(EncodeError::Failed(why.to_owned())));
    }
}

fn send<I, O>(job: &Job<I, O>, answer: Result<O, EncodeError>) {
    // The caller may have left meanwhile.
    job.answer.try_send((job.index, answer)).ok();
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::{MAX_TOKENS, SLACK, groups};
    use crate::checkpoint::TokenIds;

    proptest! {
        #[test]
        fn groups_keep_all_texts_and_the_bounds(mut lengths in vec(1..600_usize, 0..200)) {
            lengths.sort_unstable();
            let ids = |length: &usize| TokenIds { ids: vec![0; *length], types: vec![0; *length] };
            let ready: Vec<(TokenIds, ())> = lengths.iter().map(|length| (ids(length), ())).collect();
            let groups = groups(&ready);
            let all: Vec<usize> = groups.iter().flat_map(|group| group.iter().map(|(ids, ())| ids.ids.len())).collect();
            prop_assert_eq!(&all, &lengths);
            for group in groups {
                let (least, most) = (group[0].0.ids.len(), group[group.len() - 1].0.ids.len());
                prop_assert!(group.len() == 1 || group.len() * most <= MAX_TOKENS);
                prop_assert!(most <= least + least / 4 + SLACK);
            }
        }
    }
}
