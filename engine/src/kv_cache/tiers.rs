//! [`TierIndex`]: which blocks lie outside the pool, in memory or on disk, and what is moved where.

use std::collections::{BTreeMap, HashMap};

use crate::batch::BlockId;
use crate::kv_cache::hash::BlockHash;

/// Index of a block's place in the memory tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SlotId(pub(crate) usize);

/// One movement of a block's content. They are made in order, before the step computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockMove {
    /// From the pool, where the block was evicted, to memory.
    Save {
        /// From here.
        block: BlockId,
        /// To here.
        slot: SlotId,
    },
    /// From memory to the pool.
    Restore {
        /// From here.
        slot: SlotId,
        /// To here.
        block: BlockId,
    },
    /// From memory to disk; the slot is about to be used for something else.
    Spill {
        /// From here.
        slot: SlotId,
        /// To the file of this name.
        hash: BlockHash,
    },
    /// From disk to memory. It takes a while: [`TierIndex::arrived`] says when it is over.
    Fetch {
        /// The file's name.
        hash: BlockHash,
        /// To here.
        slot: SlotId,
    },
    /// The file is one too many.
    Delete {
        /// Its name.
        hash: BlockHash,
    },
}

/// Where a block outside the pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colder {
    /// In memory: it can be restored in this step.
    Memory,
    /// On its way from disk to memory.
    Coming,
    /// On disk only.
    Disk,
}

/// Both tiers. Each forgets what was unused for longest when it is full.
#[derive(Debug)]
pub(crate) struct TierIndex {
    slots: Vec<Slot>,
    memory: HashMap<BlockHash, SlotId>,
    /// Slots with content that is neither coming nor pinned, by when they were used last.
    unused: BTreeMap<u64, SlotId>,
    free: Vec<SlotId>,
    /// Those that this step's moves read.
    pinned: Vec<SlotId>,
    disk: HashMap<BlockHash, u64>,
    /// Files by when they were used last.
    oldest: BTreeMap<u64, BlockHash>,
    max_files: usize,
    moves: Vec<BlockMove>,
    /// Counts uses.
    now: u64,
    num_coming: usize,
    restored: u64,
    fetched: u64,
}

/// What the colder tiers hold, and what came back from them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TierStats {
    /// Blocks in memory.
    pub memory_blocks: usize,
    /// Blocks on disk.
    pub disk_blocks: usize,
    /// Blocks copied from memory to the pool since the start.
    pub restored_blocks: u64,
    /// Blocks read from disk to memory since the start.
    pub fetched_blocks: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    hash: Option<BlockHash>,
    used: u64,
    coming: bool,
}

impl TierIndex {
    /// Empty memory for `num_slots` blocks; `files` lie on disk, the one unused for longest first,
    /// where `max_files` may.
    pub(crate) fn new(
        num_slots: usize,
        max_files: usize,
        files: impl IntoIterator<Item = BlockHash>,
    ) -> Self {
        let mut index = Self {
            slots: vec![Slot::default(); num_slots],
            memory: HashMap::new(),
            unused: BTreeMap::new(),
            free: (0..num_slots).rev().map(SlotId).collect(),
            pinned: Vec::new(),
            disk: HashMap::new(),
            oldest: BTreeMap::new(),
            max_files,
            moves: Vec::new(),
            now: 0,
            num_coming: 0,
            restored: 0,
            fetched: 0,
        };
        for hash in files {
            index.keep_file(hash);
        }
        index
    }

    /// Where a block is, if anywhere.
    pub(crate) fn find(&self, hash: &BlockHash) -> Option<Colder> {
        match self.memory.get(hash) {
            Some(slot) if self.slots[slot.0].coming => Some(Colder::Coming),
            Some(_) => Some(Colder::Memory),
            None => self.disk.contains_key(hash).then_some(Colder::Disk),
        }
    }

    /// `block` is evicted from the pool: its content goes to memory, unless it is there already.
    pub(super) fn save(&mut self, block: BlockId, hash: BlockHash) {
        if let Some(&slot) = self.memory.get(&hash) {
            self.touch(slot);
        } else if let Some(slot) = self.take_slot(hash) {
            self.moves.push(BlockMove::Save { block, slot });
            self.touch(slot);
        }
    }

    /// The content goes to `block` of the pool and stays in memory too. `false` when it is not there.
    pub(super) fn restore(&mut self, hash: &BlockHash, block: BlockId) -> bool {
        let Some(&slot) = self.memory.get(hash) else {
            return false;
        };
        if self.slots[slot.0].coming {
            return false;
        }
        self.pin(slot);
        self.restored += 1;
        self.moves.push(BlockMove::Restore { slot, block });
        true
    }

    /// Keeps a block in memory until the moves are taken.
    pub(super) fn hold(&mut self, hash: &BlockHash) {
        if let Some(&slot) = self.memory.get(hash) {
            self.pin(slot);
        }
    }

    /// Begins to read a block that is on disk only. `false` when there is no room for it: half of
    /// memory is never taken by what is coming.
    pub(super) fn fetch(&mut self, hash: BlockHash) -> bool {
        if 2 * self.num_coming >= self.slots.len() {
            return false;
        }
        self.keep_file(hash);
        let Some(slot) = self.take_slot(hash) else {
            return false;
        };
        // What had to go to disk for it may have taken the place of its file.
        if !self.disk.contains_key(&hash) {
            self.free_slot(slot, hash);
            return false;
        }
        self.slots[slot.0].coming = true;
        self.num_coming += 1;
        self.moves.push(BlockMove::Fetch { hash, slot });
        true
    }

    /// A fetch is over. When it failed, the file is as good as gone.
    pub(crate) fn arrived(&mut self, hash: BlockHash, whole: bool) {
        let Some(&slot) = self.memory.get(&hash) else {
            return;
        };
        if !std::mem::take(&mut self.slots[slot.0].coming) {
            return;
        }
        self.num_coming -= 1;
        if whole {
            self.fetched += 1;
            self.touch(slot);
        } else {
            self.free_slot(slot, hash);
            self.forget_file(hash);
        }
    }

    /// The file is not there, or not whole.
    pub(crate) fn forget_file(&mut self, hash: BlockHash) {
        if let Some(used) = self.disk.remove(&hash) {
            self.oldest.remove(&used);
        }
    }

    /// Writes what only memory has to disk: the latest used, as far as there is room.
    pub(crate) fn spill_all(&mut self) {
        let surplus = self.unused.len().saturating_sub(self.max_files);
        let latest: Vec<_> = self.unused.values().skip(surplus).copied().collect();
        for slot in latest {
            self.spill(slot);
        }
    }

    /// What is to be moved, in this order; from now on nothing is pinned.
    pub(crate) fn take_moves(&mut self) -> Vec<BlockMove> {
        for slot in std::mem::take(&mut self.pinned) {
            self.touch(slot);
        }
        std::mem::take(&mut self.moves)
    }

    /// Whether something is on its way from disk.
    pub(crate) fn is_coming(&self) -> bool {
        self.num_coming > 0
    }

    /// What is held, and what came back.
    pub(crate) fn stats(&self) -> TierStats {
        TierStats {
            memory_blocks: self.memory.len() - self.num_coming,
            disk_blocks: self.disk.len(),
            restored_blocks: self.restored,
            fetched_blocks: self.fetched,
        }
    }

    /// A slot for a block: a free one, or the one unused for longest.
    fn take_slot(&mut self, hash: BlockHash) -> Option<SlotId> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                let (_, &slot) = self.unused.first_key_value()?;
                self.spill(slot);
                let old = self.slots[slot.0];
                self.unused.remove(&old.used);
                if let Some(hash) = old.hash {
                    self.memory.remove(&hash);
                }
                slot
            }
        };
        self.slots[slot.0] = Slot {
            hash: Some(hash),
            ..Slot::default()
        };
        self.memory.insert(hash, slot);
        Some(slot)
    }

    fn free_slot(&mut self, slot: SlotId, hash: BlockHash) {
        self.slots[slot.0] = Slot::default();
        self.memory.remove(&hash);
        self.free.push(slot);
    }

    /// Writes a slot to disk unless it is there.
    fn spill(&mut self, slot: SlotId) {
        let Some(hash) = self.slots[slot.0].hash else {
            return;
        };
        if self.max_files > 0 && !self.disk.contains_key(&hash) {
            self.moves.push(BlockMove::Spill { slot, hash });
            self.keep_file(hash);
        }
    }

    /// Counts a file as the latest used; forgets the oldest when it is one too many.
    fn keep_file(&mut self, hash: BlockHash) {
        self.forget_file(hash);
        self.now += 1;
        self.disk.insert(hash, self.now);
        self.oldest.insert(self.now, hash);
        while self.disk.len() > self.max_files
            && let Some((_, hash)) = self.oldest.pop_first()
        {
            self.disk.remove(&hash);
            self.moves.push(BlockMove::Delete { hash });
        }
    }

    /// Counts a slot as the latest used; it may be taken when it becomes the one unused for longest.
    fn touch(&mut self, slot: SlotId) {
        self.now += 1;
        let used = std::mem::replace(&mut self.slots[slot.0].used, self.now);
        self.unused.remove(&used);
        if !self.slots[slot.0].coming && !self.pinned.contains(&slot) {
            self.unused.insert(self.now, slot);
        }
    }

    fn pin(&mut self, slot: SlotId) {
        self.unused.remove(&self.slots[slot.0].used);
        self.pinned.push(slot);
    }
}
