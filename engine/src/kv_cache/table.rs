//! Where one sequence's keys and values lie.

use crate::batch::BlockId;
use crate::config::BLOCK_SIZE;
use crate::kv_cache::hash::BlockHash;

/// The blocks of one sequence in order of position; grows at its end only.
///
/// Made empty, filled and emptied by [`KvCache`](crate::kv_cache::KvCache) alone. The sequence's
/// tokens are only ever appended to as well, so hashes stay true while the table is empty and a
/// waiting prompt is hashed once, however often it is looked up.
#[derive(Debug, Default)]
pub(crate) struct BlockTable {
    pub(super) blocks: Vec<BlockId>,
    /// Chain of hashes of the full blocks of tokens seen so far.
    pub(super) hashes: Vec<BlockHash>,
    /// Leading blocks that were matched or offered to the index.
    pub(super) committed: usize,
}

impl BlockTable {
    /// The blocks, in order of position.
    pub(crate) fn blocks(&self) -> &[BlockId] {
        &self.blocks
    }

    /// Blocks that `num_tokens` tokens fill or begin.
    pub(crate) fn blocks_for(num_tokens: usize) -> usize {
        num_tokens.div_ceil(BLOCK_SIZE)
    }

    /// Hashes of the first `count` full blocks of `tokens`, computing those not yet known.
    pub(super) fn hashes(&mut self, tokens: &[u32], count: usize) -> &[BlockHash] {
        let (full, _) = tokens.as_chunks::<BLOCK_SIZE>();
        let known = self.hashes.len();
        for block in full.iter().take(count).skip(known) {
            let parent = self.hashes.last().copied().unwrap_or(BlockHash::ROOT);
            self.hashes.push(parent.child(block));
        }
        &self.hashes[..count.min(self.hashes.len())]
    }
}
