//! The seam that the scheduler sees: match, allocate, commit, release.

use std::collections::HashMap;

use thiserror::Error;

use crate::batch::BlockId;
use crate::config::BLOCK_SIZE;
use crate::kv_cache::hash::BlockHash;
use crate::kv_cache::pool::BlockPool;
use crate::kv_cache::table::BlockTable;
use crate::kv_cache::tiers::TierIndex;

/// Hands out blocks, and finds those that already hold a beginning of tokens.
///
/// A sequence's way through it: [`match_prefix`](Self::match_prefix) →
/// [`allocate`](Self::allocate) → (compute → [`commit`](Self::commit) → `allocate` for what was
/// generated)* → [`release`](Self::release).
#[derive(Debug)]
pub(crate) struct KvCache {
    pool: BlockPool,
    index: HashMap<BlockHash, BlockId>,
    prefix_caching: bool,
    /// Where evicted blocks go; `None` where they are forgotten.
    pub(super) tiers: Option<TierIndex>,
}

/// Blocks in each state; `free + used + cached = total` (E1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BlockCounts {
    /// All blocks.
    pub total: usize,
    /// Empty.
    pub free: usize,
    /// Held by at least one sequence.
    pub used: usize,
    /// Held by none, kept for the next prompt that begins alike.
    pub cached: usize,
}

/// Blocks that hold the first tokens of a sequence, found but not yet held: worth something until
/// the next call that changes the cache.
#[derive(Debug, Default)]
pub(crate) struct PrefixMatch {
    blocks: Vec<BlockId>,
    queried: usize,
}

/// There are not enough blocks now; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{needed} more KV cache blocks are needed and {available} can be had")]
pub(crate) struct OutOfBlocks {
    /// Free or cached blocks that the call would have taken or kept spare.
    pub(crate) needed: usize,
    /// Free and cached blocks.
    pub(crate) available: usize,
}

impl KvCache {
    /// A cache of `num_blocks` free blocks. Without `prefix_caching` nothing is indexed and blocks
    /// are never shared.
    pub(crate) fn new(num_blocks: usize, prefix_caching: bool) -> Self {
        // Block ids have 32 bits: more blocks than that would be 64 billion tokens.
        let num_blocks = u32::try_from(num_blocks).unwrap_or(u32::MAX);
        Self {
            pool: BlockPool::new(num_blocks),
            index: HashMap::new(),
            prefix_caching,
            tiers: None,
        }
    }

    /// The same with colder tiers, to which evicted blocks go.
    #[must_use]
    pub(crate) fn with_tiers(mut self, tiers: TierIndex) -> Self {
        self.tiers = Some(tiers);
        self
    }

    /// The colder tiers.
    pub(crate) fn tiers(&self) -> Option<&TierIndex> {
        self.tiers.as_ref()
    }

    /// The colder tiers.
    pub(crate) fn tiers_mut(&mut self) -> Option<&mut TierIndex> {
        self.tiers.as_mut()
    }

    /// The longest indexed beginning of `tokens`, in whole blocks, the last token never included.
    /// Does not change the cache; `table` only keeps the hashes.
    pub(crate) fn match_prefix(&self, table: &mut BlockTable, tokens: &[u32]) -> PrefixMatch {
        if !self.prefix_caching {
            return PrefixMatch::default();
        }
        let hashes = matchable(table, tokens);
        let blocks = hashes.iter().map_while(|hash| self.index.get(hash));
        PrefixMatch {
            blocks: blocks.copied().collect(),
            queried: tokens.len(),
        }
    }

    /// How many blocks [`match_prefix`](Self::match_prefix) would find, and the name of the first
    /// that it would miss; `None` where nothing more could be found, however much were indexed.
    pub(crate) fn look_up(
        &self,
        table: &mut BlockTable,
        tokens: &[u32],
    ) -> (usize, Option<BlockHash>) {
        if !self.prefix_caching {
            return (0, None);
        }
        let hashes = matchable(table, tokens);
        let indexed = |hash: &&BlockHash| self.index.contains_key(*hash);
        let found = hashes.iter().take_while(indexed).count();
        (found, hashes.get(found).copied())
    }

    /// Names of the full blocks of `tokens` that will be indexed once they are computed.
    pub(crate) fn pending<'t>(
        &self,
        table: &'t mut BlockTable,
        tokens: &[u32],
    ) -> impl Iterator<Item = BlockHash> + use<'t> {
        let full = match self.prefix_caching {
            true => tokens.len() / BLOCK_SIZE,
            false => 0,
        };
        let committed = table.committed;
        table.hashes(tokens, full).iter().skip(committed).copied()
    }

    /// Lets `table` hold blocks for `num_tokens` tokens: first, when it is empty, the matched
    /// `prefix`, then new ones. All or nothing: it succeeds only when `spare` more blocks could
    /// still be had afterwards.
    ///
    /// # Errors
    /// [`OutOfBlocks`]; the table and the cache are then as before.
    pub(crate) fn allocate(
        &mut self,
        table: &mut BlockTable,
        prefix: &PrefixMatch,
        num_tokens: usize,
        spare: usize,
    ) -> Result<(), OutOfBlocks> {
        debug_assert!(prefix.blocks.is_empty() || table.blocks.is_empty());
        let held = table.blocks.len() + prefix.blocks.len();
        let new = BlockTable::blocks_for(num_tokens).saturating_sub(held);
        let revived = prefix.blocks.iter().filter(|&&b| self.pool.refs(b) == 0);
        let needed = new + revived.count() + spare;
        let available = self.num_available();
        if needed > available {
            return Err(OutOfBlocks { needed, available });
        }

        // The prefix is held before anything is evicted, so it cannot be evicted for itself.
        for &block in &prefix.blocks {
            self.pool.acquire(block);
            table.blocks.push(block);
        }
        table.committed += prefix.blocks.len();
        for (block, evicted) in (0..new).map_while(|_| self.pool.take()) {
            if let Some(hash) = evicted {
                self.index.remove(&hash);
                if let Some(tiers) = &mut self.tiers {
                    tiers.save(block, hash);
                }
            }
            table.blocks.push(block);
        }
        Ok(())
    }

    /// Indexes the blocks of `table` that became full: `computed` are the sequence's tokens from
    /// the first on whose keys and values have been written.
    pub(crate) fn commit(&mut self, table: &mut BlockTable, computed: &[u32]) {
        if !self.prefix_caching {
            return;
        }
        let full = computed.len() / BLOCK_SIZE;
        table.hashes(computed, full);
        for i in table.committed..full {
            let (block, hash) = (table.blocks[i], table.hashes[i]);
            // Where another sequence was first with the same tokens, this block stays unnamed.
            self.index.entry(hash).or_insert_with(|| {
                self.pool.set_hash(block, hash);
                block
            });
        }
        table.committed = table.committed.max(full);
    }

    /// Takes all blocks from `table`, the tail first, so that it is also evicted first.
    pub(crate) fn release(&mut self, table: &mut BlockTable) {
        while let Some(block) = table.blocks.pop() {
            self.pool.release(block);
        }
        table.committed = 0;
    }

    /// Blocks that could be allocated now: free and cached.
    pub(crate) fn num_available(&self) -> usize {
        self.pool.num_free() + self.pool.num_cached()
    }

    /// Blocks in each state.
    pub(crate) fn counts(&self) -> BlockCounts {
        BlockCounts {
            total: self.pool.num_total(),
            free: self.pool.num_free(),
            used: self.pool.num_used(),
            cached: self.pool.num_cached(),
        }
    }

    /// Tables that hold `block`.
    pub(crate) fn refs(&self, block: BlockId) -> u32 {
        self.pool.refs(block)
    }

    /// Whether `block` may be written: exactly one table holds it, and nobody can find it (E2).
    pub(crate) fn is_writable(&self, block: BlockId) -> bool {
        self.pool.refs(block) == 1 && self.pool.hash(block).is_none()
    }
}

/// Names of the blocks of `tokens` that may be matched: the last token is in none of them.
pub(super) fn matchable<'t>(table: &'t mut BlockTable, tokens: &[u32]) -> &'t [BlockHash] {
    let most = tokens.len().saturating_sub(1) / BLOCK_SIZE;
    table.hashes(tokens, most)
}

impl PrefixMatch {
    /// Matched blocks.
    pub(crate) fn num_blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Tokens in the matched blocks.
    pub(crate) fn num_tokens(&self) -> usize {
        self.blocks.len() * BLOCK_SIZE
    }

    /// Tokens that were looked up: 0 without prefix caching.
    pub(crate) fn num_queried(&self) -> usize {
        self.queried
    }
}
