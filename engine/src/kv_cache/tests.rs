//! The cache against a naive one that keeps whole prefixes and searches lists, and the promises that
//! its documentation makes.

mod tiers;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::batch::BlockId;
use crate::config::BLOCK_SIZE;
use crate::kv_cache::table::BlockTable;
use crate::kv_cache::{KvCache, PrefixMatch};

/// Tokens `0..len`.
fn tokens(len: u32) -> Vec<u32> {
    (0..len).collect()
}

/// A table that holds, computed and committed, `tokens`.
fn fill(cache: &mut KvCache, tokens: &[u32]) -> BlockTable {
    let mut table = BlockTable::default();
    let prefix = cache.match_prefix(&mut table, tokens);
    cache
        .allocate(&mut table, &prefix, tokens.len(), 0)
        .expect("the test's cache is large enough");
    cache.commit(&mut table, tokens);
    table
}

fn matched(cache: &KvCache, tokens: &[u32]) -> usize {
    cache
        .match_prefix(&mut BlockTable::default(), tokens)
        .num_tokens()
}

#[test]
fn the_last_token_is_never_matched() {
    let mut cache = KvCache::new(8, true);
    let table = fill(&mut cache, &tokens(48));
    for (len, found) in [
        (1, 0),
        (16, 0),
        (17, 16),
        (32, 16),
        (33, 32),
        (48, 32),
        (49, 48),
    ] {
        assert_eq!(matched(&cache, &tokens(len)), found, "of {len} tokens");
    }
    assert_eq!(table.blocks().len(), 3);
}

#[test]
fn a_block_is_found_only_after_the_same_beginning() {
    let mut cache = KvCache::new(8, true);
    fill(&mut cache, &tokens(32));
    let mut other = tokens(33);
    other[0] = 7;
    assert_eq!(
        matched(&cache, &other),
        0,
        "the second block alone is no match"
    );
}

#[test]
fn a_prefix_is_shared_and_outlives_its_sequences() {
    let mut cache = KvCache::new(8, true);
    let mut a = fill(&mut cache, &tokens(40));
    let mut b = fill(&mut cache, &tokens(35));
    assert_eq!(a.blocks()[..2], b.blocks()[..2]);
    assert_ne!(
        a.blocks()[2],
        b.blocks()[2],
        "a partial block is never shared"
    );
    assert_eq!(cache.counts().used, 4);
    cache.release(&mut a);
    cache.release(&mut b);
    let counts = cache.counts();
    assert_eq!((counts.free, counts.used, counts.cached), (6, 0, 2));
    assert_eq!(matched(&cache, &tokens(40)), 32);
}

#[test]
fn the_tail_of_the_longest_unused_prefix_is_evicted_first() {
    let mut cache = KvCache::new(6, true);
    let mut old = fill(&mut cache, &tokens(48));
    let recent: Vec<u32> = (1000..1048).collect();
    let mut new = fill(&mut cache, &recent);
    cache.release(&mut old);
    cache.release(&mut new);
    let mut table = BlockTable::default();
    for (len, old_left) in [(16, 32), (32, 16), (48, 0)] {
        cache
            .allocate(&mut table, &PrefixMatch::default(), len, 0)
            .unwrap();
        assert_eq!(matched(&cache, &tokens(49)), old_left);
        let mut longer = recent.clone();
        longer.push(0);
        assert_eq!(matched(&cache, &longer), 48);
    }
}

#[test]
fn a_refused_allocation_changes_nothing() {
    let mut cache = KvCache::new(4, true);
    let mut first = fill(&mut cache, &tokens(32));
    cache.release(&mut first);
    let before = cache.counts();
    let mut table = BlockTable::default();
    let prefix = cache.match_prefix(&mut table, &tokens(80));
    assert_eq!(prefix.num_tokens(), 32);
    let refused = cache.allocate(&mut table, &prefix, 80, 0).unwrap_err();
    assert_eq!((refused.needed, refused.available), (5, 4));
    let refused = cache.allocate(&mut table, &prefix, 64, 1).unwrap_err();
    assert_eq!((refused.needed, refused.available), (5, 4));
    assert_eq!(cache.counts(), before);
    assert!(table.blocks().is_empty());
    cache.allocate(&mut table, &prefix, 64, 0).unwrap();
    assert_eq!(table.blocks().len(), 4);
}

#[test]
fn without_prefix_caching_nothing_is_kept() {
    let mut cache = KvCache::new(4, false);
    let mut table = fill(&mut cache, &tokens(40));
    assert!(table.blocks().iter().all(|&b| cache.is_writable(b)));
    cache.release(&mut table);
    assert_eq!(cache.counts().free, 4);
    assert_eq!(matched(&cache, &tokens(40)), 0);
}

#[test]
fn two_that_compute_the_same_block_keep_both() {
    let mut cache = KvCache::new(8, true);
    let mut both = [BlockTable::default(), BlockTable::default()];
    for table in &mut both {
        let none = PrefixMatch::default();
        cache.allocate(table, &none, 32, 0).unwrap();
    }
    for table in &mut both {
        cache.commit(table, &tokens(32));
    }
    assert!(
        both[1]
            .blocks()
            .iter()
            .all(|b| !both[0].blocks().contains(b))
    );
    for table in &mut both {
        cache.release(table);
    }
    let counts = cache.counts();
    assert_eq!((counts.free, counts.cached), (6, 2));
}

#[derive(Debug, Clone)]
enum Op {
    /// A new sequence of `len` tokens; families begin alike for `16 * family` tokens.
    Admit {
        family: u32,
        len: u32,
        spare: usize,
    },
    /// One of the sequences gets so many tokens more.
    Grow {
        which: usize,
        by: u32,
    },
    /// All its tokens have been computed.
    Commit {
        which: usize,
    },
    Release {
        which: usize,
    },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let admit = (0..4_u32, 1..90_u32, 0..3_usize).prop_map(|(family, len, spare)| Op::Admit {
        family,
        len,
        spare,
    });
    let grow = (0..8_usize, 1..40_u32).prop_map(|(which, by)| Op::Grow { which, by });
    let commit = (0..8_usize).prop_map(|which| Op::Commit { which });
    let release = (0..8_usize).prop_map(|which| Op::Release { which });
    proptest::collection::vec(
        prop_oneof![3 => admit, 2 => grow, 3 => commit, 2 => release],
        1..80,
    )
}

/// The same bookkeeping with whole prefixes for names and lists for queues.
#[derive(Debug, Default)]
struct Naive {
    free: BTreeSet<BlockId>,
    /// Tokens from position 0 to the end of each indexed block.
    names: BTreeMap<BlockId, Vec<u32>>,
    /// Cached blocks, the oldest first.
    cached: Vec<BlockId>,
    refs: BTreeMap<BlockId, u32>,
}

impl Naive {
    fn find(&self, prefix: &[u32]) -> Option<BlockId> {
        let named = self.names.iter().find(|(_, name)| *name == prefix);
        named.map(|(&block, _)| block)
    }

    fn longest_match(&self, tokens: &[u32]) -> Vec<BlockId> {
        (1..=(tokens.len() - 1) / BLOCK_SIZE)
            .map_while(|n| self.find(&tokens[..n * BLOCK_SIZE]))
            .collect()
    }

    fn hold(&mut self, block: BlockId) {
        self.cached.retain(|&b| b != block);
        *self.refs.entry(block).or_default() += 1;
    }

    /// Checks that `block` is one that may be given away now, and gives it away.
    fn take(&mut self, block: BlockId) {
        if self.free.is_empty() {
            assert_eq!(block, self.cached[0], "the oldest is evicted");
            self.names.remove(&block);
        } else {
            assert!(self.free.remove(&block), "a free one is taken first");
        }
        self.hold(block);
    }

    /// Names each full block that has not been offered before, where the name is not taken.
    fn commit(&mut self, held: &mut Held) {
        let full = held.tokens.len() / BLOCK_SIZE;
        for i in held.offered..full {
            let name = &held.tokens[..(i + 1) * BLOCK_SIZE];
            if self.find(name).is_none() {
                self.names.insert(held.table.blocks()[i], name.to_vec());
            }
        }
        held.offered = full;
    }

    fn release(&mut self, blocks: &[BlockId]) {
        for block in blocks.iter().rev() {
            let refs = self.refs.get_mut(block).unwrap();
            *refs -= 1;
            if *refs > 0 {
                continue;
            }
            self.refs.remove(block);
            if self.names.contains_key(block) {
                self.cached.push(*block);
            } else {
                self.free.insert(*block);
            }
        }
    }
}

/// The cache and its naive twin, with the sequences that hold blocks.
struct Twins {
    cache: KvCache,
    naive: Naive,
    held: Vec<Held>,
}

/// A sequence that holds blocks.
struct Held {
    table: BlockTable,
    tokens: Vec<u32>,
    /// Leading blocks that were found, or offered to the index.
    offered: usize,
}

impl Twins {
    fn new(num_blocks: u32) -> Self {
        Self {
            cache: KvCache::new(num_blocks as usize, true),
            naive: Naive {
                free: (0..num_blocks).map(BlockId).collect(),
                ..Naive::default()
            },
            held: Vec::new(),
        }
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Admit { family, len, spare } => self.admit(family, len, spare),
            Op::Grow { which, by } => self.grow(which, by),
            Op::Commit { which } => {
                if let Some(held) = self.held.get_mut(which) {
                    self.cache.commit(&mut held.table, &held.tokens);
                    self.naive.commit(held);
                }
            }
            Op::Release { which } => {
                if which < self.held.len() {
                    let Held { mut table, .. } = self.held.remove(which);
                    self.naive.release(table.blocks());
                    self.cache.release(&mut table);
                }
            }
        }
    }

    fn admit(&mut self, family: u32, len: u32, spare: usize) {
        let tokens: Vec<u32> = (0..len)
            .map(|i| {
                if i < 16 * family {
                    i
                } else {
                    1000 * family + i
                }
            })
            .collect();
        let mut table = BlockTable::default();
        let prefix = self.cache.match_prefix(&mut table, &tokens);
        let found = self.naive.longest_match(&tokens);
        assert_eq!(prefix.num_tokens(), found.len() * BLOCK_SIZE);

        let revived = found.iter().filter(|b| self.naive.cached.contains(b));
        let len = tokens.len();
        let needed = len.div_ceil(BLOCK_SIZE) - found.len() + revived.count() + spare;
        let fits = needed <= self.naive.free.len() + self.naive.cached.len();
        let allocated = self.cache.allocate(&mut table, &prefix, len, spare);
        assert_eq!(allocated.is_ok(), fits);
        if fits {
            assert!(table.blocks().starts_with(&found));
            found.iter().for_each(|&block| self.naive.hold(block));
            let new = &table.blocks()[found.len()..];
            new.iter().for_each(|&block| self.naive.take(block));
            let offered = found.len();
            self.held.push(Held {
                table,
                tokens,
                offered,
            });
        }
    }

    fn grow(&mut self, which: usize, by: u32) {
        let Some(Held { table, tokens, .. }) = self.held.get_mut(which) else {
            return;
        };
        let before = table.blocks().to_vec();
        let len = tokens.len() + by as usize;
        let needed = len.div_ceil(BLOCK_SIZE) - before.len();
        let fits = needed <= self.naive.free.len() + self.naive.cached.len();
        let grown = self.cache.allocate(table, &PrefixMatch::default(), len, 0);
        assert_eq!(grown.is_ok(), fits);
        assert!(
            table.blocks().starts_with(&before),
            "tables are append-only"
        );
        if fits {
            tokens.extend((0..by).map(|i| 9000 + i));
        }
        let new = &table.blocks()[before.len()..];
        new.iter().for_each(|&block| self.naive.take(block));
    }

    /// Every block is in the same state in both.
    fn compare(&self, num_blocks: u32) {
        let counts = self.cache.counts();
        assert_eq!(counts.free, self.naive.free.len());
        assert_eq!(counts.cached, self.naive.cached.len());
        assert_eq!(counts.used, self.naive.refs.len());
        assert_eq!(
            counts.free + counts.used + counts.cached,
            counts.total,
            "E1"
        );
        for block in (0..num_blocks).map(BlockId) {
            let refs = self.naive.refs.get(&block).copied().unwrap_or(0);
            assert_eq!(self.cache.refs(block), refs);
            let alone = refs == 1 && !self.naive.names.contains_key(&block);
            assert_eq!(self.cache.is_writable(block), alone, "E2");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn behaves_as_the_naive_cache(num_blocks in 1..24_u32, ops in ops()) {
        let mut twins = Twins::new(num_blocks);
        for op in &ops {
            twins.apply(op);
            twins.compare(num_blocks);
        }
    }
}
