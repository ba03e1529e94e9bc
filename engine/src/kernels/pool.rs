//! The kernels' own threads: one job at a time, cut into chunks that whoever is free claims.
//!
//! A decode step is some two hundred jobs of tens of microseconds, so a worker that waits for the
//! next one spins for a moment, then yields, and only then sleeps. Chunks are claimed one by one
//! through a counter: a core that is busy with something else slows its own chunk, not the job. A
//! worker that wakes late finds the job closed and is not waited for.

#![expect(
    unsafe_code,
    reason = "workers borrow the job for as long as the caller waits"
)]

use std::any::Any;
use std::cell::UnsafeCell;
use std::hint;
use std::mem;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};

use super::KernelError;

/// Polls of the gate before a waiting thread yields, some tens of microseconds.
const SPINS: usize = 4_000;
/// Yields before a waiting worker sleeps.
const YIELDS: usize = 200;

/// Threads that run the chunks of a job; the thread that calls [`Pool::run`] is one of them.
#[derive(Debug)]
pub(super) struct Pool {
    shared: Arc<Shared>,
    /// Held by the caller whose job runs.
    caller: Mutex<()>,
    workers: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Starts `threads` - 1 workers.
    pub(super) fn new(threads: NonZeroUsize) -> Result<Self, KernelError> {
        let mut pool = Self {
            shared: Arc::default(),
            caller: Mutex::new(()),
            workers: Vec::new(),
        };
        for index in 1..threads.get() {
            let shared = Arc::clone(&pool.shared);
            let worker = thread::Builder::new()
                .name(format!("kernel-{index}"))
                .spawn(move || shared.work())
                .map_err(|error| KernelError::Thread {
                    index,
                    threads: threads.get(),
                    reason: error.to_string(),
                })?;
            pool.workers.push(worker);
        }
        Ok(pool)
    }

    /// Threads that take part, the caller included.
    pub(super) fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `chunk` once with each of `0..chunks`, in any order and on any of the threads, and
    /// returns when all calls have. A call from within a chunk, or while another thread's job runs,
    /// does all its chunks on the calling thread.
    ///
    /// # Panics
    /// When a chunk panics: with its panic, after the chunks that had begun have ended. Later
    /// chunks are not begun.
    pub(super) fn run(&self, chunks: usize, chunk: &(dyn Fn(usize) + Sync)) {
        let alone = chunks <= 1 || self.workers.is_empty();
        let Some(_caller) = (!alone).then(|| self.caller.try_lock()).flatten() else {
            return (0..chunks).for_each(chunk);
        };
        self.shared.open(Job { chunk, chunks });
        self.shared.claim_chunks(Job { chunk, chunks });
        self.shared.close();
        let panics = mem::take(&mut *self.shared.panics.lock());
        if let Some(panic) = panics.into_iter().next() {
            resume_unwind(panic);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.wake();
        for worker in self.workers.drain(..) {
            // A worker catches the panics of chunks, so there is nothing to hear from it.
            drop(worker.join());
        }
    }
}

/// What the workers see of a call of `run`.
#[derive(Clone, Copy)]
struct Job<'a> {
    chunk: &'a (dyn Fn(usize) + Sync),
    chunks: usize,
}

/// Bit of the gate that lets workers in; below it the number of workers inside, above it the number
/// of the job.
const OPEN: u64 = 1 << 15;
const NEXT_JOB: u64 = 1 << 16;

#[derive(Default)]
struct Shared {
    /// Which job it is, whether it may be entered, who is inside.
    gate: AtomicU64,
    /// The job; written while the gate is closed and nobody inside, read from inside.
    job: UnsafeCell<Option<Job<'static>>>,
    /// The next chunk to claim.
    next: AtomicUsize,
    /// Panics of the job's chunks, at most one a thread.
    panics: Mutex<Vec<Box<dyn Any + Send>>>,
    stop: AtomicBool,
    /// Workers that sleep or are about to.
    sleepers: AtomicUsize,
    sleep: Mutex<()>,
    woken: Condvar,
}

// SAFETY: `job` is the one field that is not Sync by itself; the gate orders its accesses (`open`,
// `enter` and `close`), and what it holds is a reference to something Sync.
unsafe impl Sync for Shared {}
// SAFETY: nothing in it belongs to a thread; a job's reference is to something Sync.
unsafe impl Send for Shared {}

impl Shared {
    /// Lets the workers into `job`. Every call is followed by `close` before the job's end of life.
    fn open(&self, job: Job<'_>) {
        // SAFETY: only the lifetime changes, and no worker uses the job after `close`, which the
        // caller reaches before the job's lifetime ends: between the two it only runs
        // `claim_chunks`, which does not unwind.
        let job = unsafe { mem::transmute::<Job<'_>, Job<'static>>(job) };
        // SAFETY: the gate is closed and nobody is inside, so nobody else reads or writes.
        unsafe { *self.job.get() = Some(job) };
        self.next.store(0, Ordering::Relaxed);
        let number = self.gate.load(Ordering::Relaxed) & !(NEXT_JOB - 1);
        self.gate
            .store(number.wrapping_add(NEXT_JOB) | OPEN, Ordering::SeqCst);
        self.wake();
    }

    /// Lets no more workers in and waits until those inside have left.
    fn close(&self) {
        let mut inside = self.gate.fetch_and(!OPEN, Ordering::AcqRel) & (OPEN - 1);
        let mut polls = 0;
        while inside > 0 {
            pause(&mut polls);
            inside = self.gate.load(Ordering::Acquire) & (OPEN - 1);
        }
    }

    fn wake(&self) {
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            let _sleep = self.sleep.lock();
            self.woken.notify_all();
        }
    }

    /// A worker's life.
    fn work(&self) {
        let mut done = 0;
        while self.wait(done) {
            let gate = self.gate.load(Ordering::SeqCst);
            done = gate & !(NEXT_JOB - 1);
            if self.enter(gate) {
                // SAFETY: inside the gate the job is not written.
                if let Some(job) = unsafe { *self.job.get() } {
                    self.claim_chunks(job);
                }
                self.gate.fetch_sub(1, Ordering::Release);
            }
        }
    }

    /// Waits for a job other than `done`; `false` when the pool ends.
    fn wait(&self, done: u64) -> bool {
        let mut polls = 0;
        loop {
            if self.stop.load(Ordering::SeqCst) {
                return false;
            }
            if self.has_news(done) {
                return true;
            }
            if polls < SPINS + YIELDS {
                pause(&mut polls);
            } else {
                let mut sleep = self.sleep.lock();
                self.sleepers.fetch_add(1, Ordering::SeqCst);
                // Whoever opens a gate after this look sees a sleeper, and wakes it.
                if !self.has_news(done) && !self.stop.load(Ordering::SeqCst) {
                    self.woken.wait(&mut sleep);
                }
                self.sleepers.fetch_sub(1, Ordering::SeqCst);
            }
        }
    }

    fn has_news(&self, done: u64) -> bool {
        let gate = self.gate.load(Ordering::SeqCst);
        gate & OPEN != 0 && gate & !(NEXT_JOB - 1) != done
    }

    /// Enters the job that `gate` names; `false` when it has closed meanwhile.
    fn enter(&self, mut gate: u64) -> bool {
        let number = gate & !(NEXT_JOB - 1);
        while gate & OPEN != 0 && gate & !(NEXT_JOB - 1) == number {
            match self.gate.compare_exchange_weak(
                gate,
                gate + 1,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => gate = now,
            }
        }
        false
    }

    /// Runs chunks until none is left. A panic is kept for the caller and ends the job.
    fn claim_chunks(&self, job: Job<'_>) {
        let claim = || {
            loop {
                let index = self.next.fetch_add(1, Ordering::Relaxed);
                if index >= job.chunks {
                    break;
                }
                (job.chunk)(index);
            }
        };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(claim)) {
            self.next.store(job.chunks, Ordering::Relaxed);
            self.panics.lock().push(panic);
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("gate", &self.gate)
            .finish_non_exhaustive()
    }
}

fn pause(polls: &mut usize) {
    if *polls < SPINS {
        hint::spin_loop();
    } else {
        thread::yield_now();
    }
    *polls += 1;
}

#[cfg(test)]
mod tests;
