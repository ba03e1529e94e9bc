//! [`KvTiers`]: the memory of the first tier, the way to the second, and the moves between them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::config::KvTiersConfig;
use crate::kv_cache::{BlockHash, BlockMove, SlotId, TierIndex};
use crate::kv_tiers::disk::DiskTier;
use crate::kv_tiers::worker::{Answer, Job, Worker};
use crate::model::Forward;

/// How long a block from disk is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// The colder tiers of one engine.
#[derive(Debug)]
pub(crate) struct KvTiers {
    /// Contents by slot; empty where nothing was put yet, so that memory grows with use.
    slots: Vec<Vec<u8>>,
    block_bytes: usize,
    /// Where what is being fetched will go.
    coming: HashMap<BlockHash, SlotId>,
    /// Since when nothing has arrived of what is being fetched.
    silent_since: Option<Duration>,
    worker: Option<Worker>,
    /// Files to be deleted, for which the worker had no room yet.
    condemned: Vec<BlockHash>,
    /// Those that were waited for and are not told yet.
    answers: Vec<Answer>,
    /// Fetches that the worker had no room for: only where the disk hangs.
    refused: Vec<BlockHash>,
    /// Files of which the index must hear that they are not there.
    lost: Vec<BlockHash>,
}

/// What came from disk since the last report.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fetched {
    /// Whole blocks.
    pub(crate) blocks: usize,
    /// How long nothing had come before them.
    pub(crate) silent: Duration,
}

/// Why an engine cannot have the tiers that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TierError {
    /// Without a prefix index no block would ever be looked for.
    #[error("kv_tiers needs enable_prefix_caching")]
    NoPrefixCaching,
    /// The model does not give its blocks away.
    #[error("this model's KV blocks cannot be copied; leave kv_tiers out")]
    NotCopied,
    /// Not even two blocks fit the memory.
    #[error("kv_tiers.ram must hold two blocks of {block_bytes} bytes at least, but is {found}")]
    TooSmall {
        /// Bytes of one block.
        block_bytes: usize,
        /// What was given.
        found: usize,
    },
    /// The folder cannot be used.
    #[error("kv_tiers.disk.path {}: {why}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
}

impl KvTiers {
    /// Empty memory, and on disk what is there already: the tiers and their index.
    ///
    /// # Errors
    /// [`TierError`].
    pub(crate) fn open(
        config: &KvTiersConfig,
        model: &dyn Forward,
    ) -> Result<(Self, TierIndex), TierError> {
        let block_bytes = model.block_bytes();
        if block_bytes == 0 {
            return Err(TierError::NotCopied);
        }
        let num_slots = config.ram_bytes / block_bytes;
        if num_slots < 2 {
            return Err(TierError::TooSmall {
                block_bytes,
                found: config.ram_bytes,
            });
        }
        let (mut worker, mut files, mut max_files) = (None, Vec::new(), 0);
        if let Some(disk) = &config.disk {
            let failed = |error: std::io::Error| TierError::Folder {
                path: disk.path.clone(),
                why: error.to_string(),
            };
            let tier = DiskTier::open(&disk.path, model.identity(), block_bytes);
            let tier = tier.map_err(failed)?;
            files = tier.list().map_err(failed)?;
            let most = disk.bytes / DiskTier::file_bytes(block_bytes);
            max_files = usize::try_from(most).unwrap_or(usize::MAX);
            worker = Some(Worker::start(tier, num_slots).map_err(failed)?);
        }
        let tiers = Self {
            slots: vec![Vec::new(); num_slots],
            block_bytes,
            coming: HashMap::new(),
            silent_since: None,
            worker,
            condemned: Vec::new(),
            answers: Vec::new(),
            refused: Vec::new(),
            lost: Vec::new(),
        };
        Ok((tiers, TierIndex::new(num_slots, max_files, files)))
    }

    /// Makes `moves`, in order, at the time `now`.
    pub(crate) fn run(&mut self, moves: &[BlockMove], now: Duration, model: &mut dyn Forward) {
        for &step in moves {
            match step {
                BlockMove::Save { block, slot } => {
                    let content = &mut self.slots[slot.0];
                    content.resize(self.block_bytes, 0);
                    if !model.read_block(block, content) {
                        // A model that cannot give a block computes nothing more, so nobody reads
                        // this one; the disk must not keep it, either.
                        content.clear();
                    }
                }
                BlockMove::Restore { slot, block } => model.write_block(block, &self.slots[slot.0]),
                BlockMove::Spill { slot, hash } => self.spill(slot, hash),
                BlockMove::Fetch { hash, slot } => {
                    self.coming.insert(hash, slot);
                    self.silent_since.get_or_insert(now);
                    let given = self.worker.as_ref();
                    if !given.is_some_and(|w| w.give(Job::Read(hash))) {
                        self.refused.push(hash);
                    }
                }
                BlockMove::Delete { hash } => self.condemned.push(hash),
            }
        }
        self.delete_condemned();
    }

    /// What became of the disk's work since the last call is told to `index`: which blocks arrived,
    /// which files are not there. When nothing has arrived for [`PATIENCE`] by the clock that shows
    /// `now`, what is being fetched is given up: a disk that hangs holds nobody up for ever.
    pub(crate) fn report(&mut self, now: Duration, index: &mut TierIndex) -> Fetched {
        let mut answers = std::mem::take(&mut self.answers);
        answers.extend(self.worker.iter().flat_map(Worker::answers));
        let mut blocks = 0;
        for answer in answers {
            blocks += usize::from(self.take(answer, index));
        }
        for hash in self.refused.drain(..) {
            self.coming.remove(&hash);
            index.arrived(hash, false);
        }
        for hash in self.lost.drain(..) {
            index.forget_file(hash);
        }
        let since = self.silent_since.unwrap_or(now);
        let silent = now.saturating_sub(since);
        if blocks > 0 || self.coming.is_empty() {
            self.silent_since = (!self.coming.is_empty()).then_some(now);
        } else if silent > PATIENCE {
            self.give_up(index);
        }
        Fetched { blocks, silent }
    }

    /// Waits until something was done, for [`PATIENCE`] at most; then what has not arrived is given up.
    pub(crate) fn wait(&mut self, index: &mut TierIndex) {
        let answer = self.worker.as_ref().and_then(|w| w.next_answer(PATIENCE));
        match answer {
            Some(answer) => self.answers.push(answer),
            None => self.give_up(index),
        }
    }

    /// Makes the last moves, which write to disk what only memory has, and waits for them.
    pub(crate) fn close(mut self, moves: &[BlockMove]) {
        let Some(worker) = &mut self.worker else {
            return;
        };
        for &step in moves {
            if let BlockMove::Spill { slot, hash } = step {
                let content = std::mem::take(&mut self.slots[slot.0]);
                if content.len() == self.block_bytes {
                    worker.give_at_the_end(Job::Write(hash, content));
                }
            } else if let BlockMove::Delete { hash } = step {
                self.condemned.push(hash);
            }
        }
        worker.give_at_the_end(Job::Delete(std::mem::take(&mut self.condemned)));
    }

    /// Whether it was a whole block that somebody waits for.
    fn take(&mut self, answer: Answer, index: &mut TierIndex) -> bool {
        match answer {
            Answer::Read(hash, content) => {
                // Who is not expected any more comes too late, and its slot may be another's.
                let Some(slot) = self.coming.remove(&hash) else {
                    return false;
                };
                let whole = content.is_some();
                self.slots[slot.0] = content.unwrap_or_default();
                index.arrived(hash, whole);
                whole
            }
            Answer::NotWritten(hash) => {
                index.forget_file(hash);
                false
            }
        }
    }

    /// Whoever waits for a block computes it instead. Its file is forgotten; what arrives of it later
    /// is dropped.
    fn give_up(&mut self, index: &mut TierIndex) {
        for (hash, _) in self.coming.drain() {
            index.arrived(hash, false);
        }
    }

    fn spill(&mut self, slot: SlotId, hash: BlockHash) {
        let content = self.slots[slot.0].clone();
        let whole = content.len() == self.block_bytes;
        let write = Job::Write(hash, content);
        if !whole || !self.worker.as_ref().is_some_and(|w| w.give(write)) {
            self.lost.push(hash);
        }
    }

    /// Files that the disk's thread has no room to delete now are deleted after a later step.
    fn delete_condemned(&mut self) {
        if self.condemned.is_empty() {
            return;
        }
        let condemned = std::mem::take(&mut self.condemned);
        let given = |w: &Worker| w.give(Job::Delete(condemned.clone()));
        if !self.worker.as_ref().is_some_and(given) {
            self.condemned = condemned;
        }
    }
}
