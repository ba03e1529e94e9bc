//! The handle through which the model computes: threads and an instruction set.

use std::num::NonZeroUsize;

use parking_lot::Mutex;

use super::KernelError;
use super::pages::Arena;
use super::pool::Pool;
use super::ready::Ready;
use super::simd::{Kernel, best_isa, dispatch};
use crate::Isa;

/// Kernel threads and the instruction set that they use; every operation is a method.
///
/// Results depend on neither the number of threads nor the instruction set, nor on what else is in
/// a batch, bit for bit (E9). Shapes are the caller's to prove: an operation panics when slices do
/// not fit each other.
#[derive(Debug)]
pub struct Kernels {
    pool: Pool,
    isa: Isa,
    /// Where packed weights lie.
    pub(super) arena: Mutex<Arena>,
    /// Weights that were packed before, or what is packed now.
    pub(super) ready: Ready,
}

impl Kernels {
    /// Starts `threads` - 1 threads; the one that calls an operation is the other.
    ///
    /// # Errors
    /// When `isa` asks for instructions that the processor lacks, or no thread can be started.
    pub fn new(threads: NonZeroUsize, isa: Option<Isa>) -> Result<Self, KernelError> {
        let best = best_isa();
        let isa = isa.unwrap_or(best);
        if isa > best {
            return Err(KernelError::IsaMissing { wanted: isa, best });
        }
        Ok(Self {
            pool: Pool::new(threads)?,
            isa,
            arena: Mutex::default(),
            ready: Ready::default(),
        })
    }

    /// The instruction set that is used where none is forced.
    pub fn best_isa() -> Isa {
        best_isa()
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Threads that take part in an operation, the caller included.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// Calls `task` with each of `0..tasks`, on the threads and in any order, and returns when all
    /// calls have: for work beside the kernels, while they have none.
    ///
    /// # Panics
    /// With a task's panic, after the tasks that had begun have ended.
    pub fn for_each(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        self.pool.run(tasks, task);
    }

    /// Runs `kernel(index)` for each of `0..chunks` on the threads.
    pub(super) fn run<K: Kernel<Output = ()>>(
        &self,
        chunks: usize,
        kernel: impl Fn(usize) -> K + Sync,
    ) {
        self.pool
            .run(chunks, &|index| dispatch(self.isa, kernel(index)));
    }

    /// Cuts `items` into chunks of at least `least` items, a few for each thread, and runs
    /// `kernel(first item, number of items)` for each chunk.
    pub(super) fn run_items<K: Kernel<Output = ()>>(
        &self,
        items: usize,
        least: usize,
        kernel: impl Fn(usize, usize) -> K + Sync,
    ) {
        let length = items
            .div_ceil(self.threads() * CHUNKS_PER_THREAD)
            .max(least)
            .max(1);
        self.run(items.div_ceil(length), |index| {
            let start = index * length;
            kernel(start, length.min(items - start))
        });
    }
}

/// Chunks that a job has for each thread, so that a core that is busy otherwise gets fewer.
pub(super) const CHUNKS_PER_THREAD: usize = 4;
