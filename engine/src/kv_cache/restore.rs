//! Blocks that are found outside the pool: what may be restored, and what has to come from disk first.

use crate::batch::BlockId;
use crate::config::BLOCK_SIZE;
use crate::kv_cache::cache::{KvCache, matchable};
use crate::kv_cache::hash::BlockHash;
use crate::kv_cache::table::BlockTable;
use crate::kv_cache::tiers::Colder;

/// What of a sequence lies outside the pool, behind the blocks that are in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Restorable {
    /// Blocks that are in memory, one after the other.
    pub(crate) blocks: usize,
    /// Blocks behind those that are on disk.
    pub(crate) on_disk: usize,
    /// Whether the block behind those in memory is on its way from disk.
    pub(crate) is_coming: bool,
}

impl KvCache {
    /// What lies outside the pool behind the first `cached` blocks of `tokens`.
    pub(crate) fn restorable(
        &self,
        table: &mut BlockTable,
        tokens: &[u32],
        cached: usize,
    ) -> Restorable {
        let Some(tiers) = &self.tiers else {
            return Restorable::default();
        };
        let behind = matchable(table, tokens).get(cached..).unwrap_or_default();
        let mut places = behind.iter().map(|hash| tiers.find(hash)).peekable();
        let mut run = |place| {
            let next = std::iter::from_fn(|| places.next_if_eq(&Some(place)));
            next.count()
        };
        let (blocks, on_disk) = (run(Colder::Memory), run(Colder::Disk));
        Restorable {
            blocks,
            on_disk,
            is_coming: on_disk == 0 && run(Colder::Coming) > 0,
        }
    }

    /// Begins to read from disk what lies there behind the first `found` blocks of `tokens`, as far
    /// as there is room. `false` when nothing is coming.
    pub(crate) fn fetch(&mut self, table: &mut BlockTable, tokens: &[u32], found: usize) -> bool {
        let Some(tiers) = &mut self.tiers else {
            return false;
        };
        // What is in memory already is still wanted when the rest has come.
        let hashes = matchable(table, tokens);
        hashes.iter().take(found).for_each(|hash| tiers.hold(hash));
        let mut coming = false;
        for hash in hashes.iter().skip(found) {
            match tiers.find(hash) {
                Some(Colder::Disk) if tiers.fetch(*hash) => coming = true,
                Some(Colder::Coming) => coming = true,
                Some(Colder::Disk | Colder::Memory) | None => break,
            }
        }
        coming
    }

    /// Keeps the blocks behind the first `cached` ones in memory while others are evicted to it.
    pub(crate) fn hold(&mut self, table: &BlockTable, cached: usize, blocks: usize) {
        if let Some(tiers) = &mut self.tiers {
            let wanted = table.hashes.iter().skip(cached).take(blocks);
            wanted.for_each(|hash| tiers.hold(hash));
        }
    }

    /// Restores blocks that were [held](Self::hold) into those that `table` was given. How many
    /// tokens they hold.
    pub(crate) fn restore(&mut self, table: &BlockTable, cached: usize, blocks: usize) -> usize {
        let Some(tiers) = &mut self.tiers else {
            return 0;
        };
        let places = table.hashes.iter().zip(&table.blocks);
        let restore = |place: &(&BlockHash, &BlockId)| tiers.restore(place.0, *place.1);
        let restored = places.skip(cached).take(blocks).take_while(restore);
        restored.count() * BLOCK_SIZE
    }
}
