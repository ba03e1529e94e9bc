//! The pool: the state of each block, the stack of free ones, the list of cached ones.

use crate::batch::BlockId;
use crate::kv_cache::hash::BlockHash;

/// All blocks of a cache. A block is free, used (`refs > 0`) or cached (`refs == 0`, has a hash).
#[derive(Debug)]
pub(super) struct BlockPool {
    blocks: Vec<Block>,
    free: Vec<BlockId>,
    /// Ends of the list of cached blocks, the one unused for longest first.
    oldest: Option<BlockId>,
    newest: Option<BlockId>,
    // Each state is counted where it is entered and left, so that E1 is a check and not a sum.
    num_used: usize,
    num_cached: usize,
}

#[derive(Debug, Default)]
struct Block {
    /// Tables that hold it.
    refs: u32,
    /// Its name in the index.
    hash: Option<BlockHash>,
    /// Neighbours in the list of cached blocks.
    older: Option<BlockId>,
    newer: Option<BlockId>,
}

impl BlockPool {
    /// `num_blocks` free blocks, given away in ascending order.
    pub(super) fn new(num_blocks: u32) -> Self {
        Self {
            blocks: (0..num_blocks).map(|_| Block::default()).collect(),
            free: (0..num_blocks).rev().map(BlockId).collect(),
            oldest: None,
            newest: None,
            num_used: 0,
            num_cached: 0,
        }
    }

    pub(super) fn num_total(&self) -> usize {
        self.blocks.len()
    }

    pub(super) fn num_free(&self) -> usize {
        self.free.len()
    }

    pub(super) fn num_used(&self) -> usize {
        self.num_used
    }

    pub(super) fn num_cached(&self) -> usize {
        self.num_cached
    }

    pub(super) fn refs(&self, id: BlockId) -> u32 {
        self.block(id).refs
    }

    pub(super) fn hash(&self, id: BlockId) -> Option<BlockHash> {
        self.block(id).hash
    }

    /// A block for new content, with one reference: a free one, else the oldest cached one, whose
    /// hash comes with it and no longer names anything.
    pub(super) fn take(&mut self) -> Option<(BlockId, Option<BlockHash>)> {
        let id = match self.free.pop() {
            Some(id) => id,
            None => {
                let oldest = self.oldest?;
                self.unlink(oldest);
                oldest
            }
        };
        self.num_used += 1;
        let block = self.block_mut(id);
        block.refs = 1;
        Some((id, block.hash.take()))
    }

    /// One more table holds a used or cached block.
    pub(super) fn acquire(&mut self, id: BlockId) {
        if self.refs(id) == 0 {
            self.unlink(id);
            self.num_used += 1;
        }
        self.block_mut(id).refs += 1;
    }

    /// One table less holds it; the last one leaves it cached if it is indexed, else free.
    pub(super) fn release(&mut self, id: BlockId) {
        let block = self.block_mut(id);
        debug_assert!(block.refs > 0, "{id:?} is released more often than held");
        block.refs -= 1;
        if block.refs > 0 {
            return;
        }
        let indexed = block.hash.is_some();
        self.num_used -= 1;
        if indexed {
            self.link(id);
        } else {
            self.free.push(id);
        }
    }

    /// Gives a used block its name in the index.
    pub(super) fn set_hash(&mut self, id: BlockId, hash: BlockHash) {
        self.block_mut(id).hash = Some(hash);
    }

    /// Appends to the list of cached blocks.
    fn link(&mut self, id: BlockId) {
        let older = self.newest.replace(id);
        match older {
            Some(older) => self.block_mut(older).newer = Some(id),
            None => self.oldest = Some(id),
        }
        let block = self.block_mut(id);
        block.older = older;
        block.newer = None;
        self.num_cached += 1;
    }

    /// Takes out of the list of cached blocks.
    fn unlink(&mut self, id: BlockId) {
        let block = self.block_mut(id);
        let (older, newer) = (block.older.take(), block.newer.take());
        match older {
            Some(older) => self.block_mut(older).newer = newer,
            None => self.oldest = newer,
        }
        match newer {
            Some(newer) => self.block_mut(newer).older = older,
            None => self.newest = older,
        }
        self.num_cached -= 1;
    }

    fn block(&self, id: BlockId) -> &Block {
        &self.blocks[id.0 as usize]
    }

    fn block_mut(&mut self, id: BlockId) -> &mut Block {
        &mut self.blocks[id.0 as usize]
    }
}
