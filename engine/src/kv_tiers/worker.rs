//! [`Worker`]: the thread that reads and writes files, so that no step waits for a disk.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use flume::{Receiver, Sender};

use crate::kv_cache::BlockHash;
use crate::kv_tiers::disk::DiskTier;

/// The loop's end. Dropping it lets the thread finish what it was given, and waits for that.
#[derive(Debug)]
pub(super) struct Worker {
    jobs: Option<Sender<Job>>,
    answers: Option<Receiver<Answer>>,
    thread: Option<JoinHandle<()>>,
}

/// Something to be done with files.
#[derive(Debug)]
pub(super) enum Job {
    Write(BlockHash, Vec<u8>),
    Read(BlockHash),
    Delete(Vec<BlockHash>),
}

/// What became of a job.
#[derive(Debug)]
pub(super) enum Answer {
    /// The content, if it is there and whole.
    Read(BlockHash, Option<Vec<u8>>),
    /// It could not be written.
    NotWritten(BlockHash),
}

/// Blocks that wait to be written at most; what comes then is not kept.
const MAX_WRITES: usize = 64;

impl Worker {
    /// Starts the thread. It is never given more than `max_reads` reads at a time.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(disk: DiskTier, max_reads: usize) -> std::io::Result<Self> {
        let (jobs, todo) = flume::bounded(MAX_WRITES + max_reads + 1);
        let (done, answers) = flume::bounded(MAX_WRITES + max_reads + 1);
        let thread = thread::Builder::new()
            .name("kv-tiers".to_owned())
            .spawn(move || work(&disk, &todo, &done))?;
        Ok(Self {
            jobs: Some(jobs),
            answers: Some(answers),
            thread: Some(thread),
        })
    }

    /// Hands a job over; `false` when there is no room. Reads always find room.
    pub(super) fn give(&self, job: Job) -> bool {
        let Some(jobs) = &self.jobs else { return false };
        let is_read = matches!(job, Job::Read(_));
        (is_read || jobs.len() < MAX_WRITES) && jobs.try_send(job).is_ok()
    }

    /// Hands a job over, waiting for room: for the end, when nothing else is to be done.
    pub(super) fn give_at_the_end(&mut self, job: Job) {
        // Nobody reads answers any more, and the thread must not wait for that.
        self.answers = None;
        if let Some(jobs) = &self.jobs {
            jobs.send(job).ok();
        }
    }

    /// What is done, without waiting.
    pub(super) fn answers(&self) -> impl Iterator<Item = Answer> {
        self.answers.iter().flat_map(Receiver::try_iter)
    }

    /// The next thing that is done, waiting for it no longer than `limit`.
    pub(super) fn next_answer(&self, limit: Duration) -> Option<Answer> {
        self.answers.as_ref()?.recv_timeout(limit).ok()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.answers = None;
        self.jobs = None;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the thread of the KV tiers had panicked");
        }
    }
}

fn work(disk: &DiskTier, todo: &Receiver<Job>, done: &Sender<Answer>) {
    for job in todo {
        let answer = match job {
            Job::Read(hash) => Answer::Read(hash, disk.read(hash)),
            Job::Write(hash, content) => match disk.write(hash, &content) {
                Ok(()) => continue,
                Err(error) => {
                    tracing::warn!(%error, "a KV block cannot be written to disk");
                    Answer::NotWritten(hash)
                }
            },
            Job::Delete(hashes) => {
                hashes.into_iter().for_each(|hash| disk.delete(hash));
                continue;
            }
        };
        // It fails when the engine is ending, and nobody wants to know.
        done.send(answer).ok();
    }
}
