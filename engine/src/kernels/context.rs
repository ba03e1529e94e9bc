//! The handle through which the model computes: threads and an instruction set.

use std::num::NonZeroUsize;

use parking_lot::Mutex;

use super::KernelError;
use super::amx::{self, AmxError, Tiles};
use super::attention::Buffers;
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
    /// Tile registers, where `isa` is [`Isa::Amx`].
    tiles: Tiles,
    /// Where packed weights lie.
    pub(super) arena: Mutex<Arena>,
    /// What attention used last; whoever computes has taken it.
    pub(super) attention: Mutex<Buffers>,
    /// Weights that were packed before, or what is packed now.
    pub(super) ready: Ready,
}

impl Kernels {
    /// Starts `threads` - 1 threads; the one that calls an operation is the other.
    ///
    /// Where AMX is there and cannot be used, and is not forced, a warning says why and the next best
    /// instruction set is taken.
    ///
    /// # Errors
    /// When `isa` asks for instructions that the processor lacks or that cannot be used, or no thread
    /// can be started.
    pub fn new(threads: NonZeroUsize, isa: Option<Isa>) -> Result<Self, KernelError> {
        let (isa, tiles) = choose(isa)?;
        Ok(Self {
            pool: Pool::new(threads)?,
            isa,
            tiles,
            arena: Mutex::default(),
            attention: Mutex::default(),
            ready: Ready::default(),
        })
    }

    /// Kernels whose tile registers are the emulated ones, beside any instruction set.
    #[cfg(test)]
    pub(super) fn emulating_tiles(threads: NonZeroUsize, isa: Isa) -> Result<Self, KernelError> {
        Ok(Self {
            tiles: Tiles::Emulated(amx::Emulation),
            ..Self::new(threads, Some(isa))?
        })
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The tile registers in use.
    pub(super) fn tiles(&self) -> Tiles {
        self.tiles
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

/// The instruction set that is wanted or the best, and its tile registers.
fn choose(wanted: Option<Isa>) -> Result<(Isa, Tiles), KernelError> {
    let best = best_isa();
    match wanted {
        None => match amx::detect(best) {
            Ok(tiles) => Ok((Isa::Amx, tiles)),
            Err(AmxError::Missing) => Ok((best, Tiles::None)),
            Err(reason) => {
                tracing::warn!(%reason, instead = ?best, "AMX is not used");
                Ok((best, Tiles::None))
            }
        },
        Some(Isa::Amx) => match amx::detect(best) {
            Ok(tiles) => Ok((Isa::Amx, tiles)),
            Err(AmxError::Missing) => Err(KernelError::IsaMissing {
                wanted: Isa::Amx,
                best,
            }),
            Err(reason) => Err(KernelError::Amx { reason }),
        },
        Some(wanted) if wanted > best => Err(KernelError::IsaMissing { wanted, best }),
        Some(wanted) => Ok((wanted, Tiles::None)),
    }
}

/// Chunks that a job has for each thread, so that a core that is busy otherwise gets fewer.
pub(super) const CHUNKS_PER_THREAD: usize = 4;
