//! Admission: which waiting sequence is next, and how it gets in.

use std::collections::HashSet;

use crate::config::BLOCK_SIZE;
use crate::kv_cache::{BlockHash, KvCache};
use crate::scheduler::draft::Draft;
use crate::scheduler::queues::Scheduler;
use crate::scheduler::worth::Worth;
use crate::sequence::Sequence;

/// How many later arrivals may be admitted past one that waits.
pub(crate) const MAX_BYPASSES: u32 = 8;
/// Waiting sequences whose prefixes are compared. It bounds what a plan costs, whatever waits.
const LOOK_AHEAD: usize = 32;

impl Scheduler {
    /// Admits waiting sequences until budget, time, slots or blocks are used up.
    pub(super) fn admit_waiting(&mut self, draft: &mut Draft) {
        let may_admit = |s: &Self, draft: &Draft| {
            draft.has_budget() && s.running.len() < s.limits.max_num_seqs()
        };
        if self.waiting.is_empty() || !may_admit(self, draft) {
            return;
        }
        let mut pending = self.pending_blocks();
        while may_admit(self, draft) {
            let Some(next) = self.next_waiting(&pending) else {
                return;
            };
            let Some(mut sequence) = self.waiting.remove(next) else {
                return;
            };
            if let Err(error) = self.fits(&sequence) {
                self.end(sequence, Err(error));
                continue;
            }
            if !self.admit(&mut sequence, draft) {
                self.waiting.insert(next, sequence);
                return;
            }
            self.count_bypasses(next);
            let (table, tokens) = sequence.pending();
            pending.extend(self.cache.pending(table, tokens));
            let place = self.running.partition_point(|s| s.id < sequence.id);
            self.running.insert(place, sequence);
        }
    }

    /// Blocks that running sequences are about to fill and that others will find.
    fn pending_blocks(&mut self) -> HashSet<BlockHash> {
        let mut pending = HashSet::new();
        for sequence in &mut self.running {
            let (table, tokens) = sequence.pending();
            pending.extend(self.cache.pending(table, tokens));
        }
        pending
    }

    /// The place of the waiting sequence that is admitted next: the one with the longest cached
    /// prefix, of several the earliest arrival. Left out are those whose next block somebody is
    /// computing or reading from disk, and those behind one that must not be passed.
    fn next_waiting(&mut self, pending: &HashSet<BlockHash>) -> Option<usize> {
        let worth = self.worth();
        let mut best: Option<(usize, usize)> = None;
        for (place, sequence) in self.waiting.iter_mut().take(LOOK_AHEAD).enumerate() {
            let (table, tokens) = sequence.matchable();
            let (cached, next) = self.cache.look_up(table, tokens);
            let held_back = next.is_some_and(|hash| pending.contains(&hash))
                || awaits_disk(&mut self.cache, &worth, sequence, cached);
            if !held_back && best.is_none_or(|(longest, _)| cached > longest) {
                best = Some((cached, place));
            }
            // The reader of a preempted one has its first tokens and waits for more.
            if sequence.was_admitted() || sequence.bypasses() >= MAX_BYPASSES {
                break;
            }
        }
        best.map(|(_, place)| place)
    }

    /// Finds what of the sequence is cached, takes blocks for the rest, leaving a spare one for each
    /// running sequence, and plans what there is time for. All or nothing.
    fn admit(&mut self, sequence: &mut Sequence, draft: &mut Draft) -> bool {
        let (len, spare) = (sequence.tokens().len(), self.running.len());
        let worth = self.worth();
        let (table, matchable) = sequence.matchable();
        let prefix = self.cache.match_prefix(table, matchable);
        let cached = prefix.num_blocks();
        let outside = self.cache.restorable(table, matchable, cached).blocks;
        let outside = worth.restored(cached, outside);
        let share = draft.share(sequence, (cached + outside) * BLOCK_SIZE, 0);
        if share == 0 {
            return false;
        }
        let table = &mut sequence.table;
        self.cache.hold(table, cached, outside);
        if self.cache.allocate(table, &prefix, len, spare).is_err() {
            return false;
        }
        let restored = self.cache.restore(table, cached, outside);
        let found = prefix.num_tokens() + restored;
        if !sequence.was_admitted() {
            self.counters.prefix_queried_tokens += prefix.num_queried() as u64;
            self.counters.prefix_hit_tokens += found as u64;
        }
        sequence.admit(found);
        draft.add(sequence, share);
        true
    }

    /// What copying and computing cost.
    fn worth(&self) -> Worth {
        Worth {
            estimate: self.cost.estimate(),
            restore: self.restore_cost,
            fetch: self.fetch_cost,
        }
    }

    /// The sequence that was at `place` was admitted past those before it.
    fn count_bypasses(&mut self, place: usize) {
        for passed in self.waiting.iter_mut().take(place) {
            passed.bypass();
            self.counters.bypasses += 1;
        }
    }
}

/// Whether blocks of the sequence are on their way from disk, behind `cached` ones of the pool and
/// those that are in memory. It asks for them once.
fn awaits_disk(cache: &mut KvCache, worth: &Worth, sequence: &mut Sequence, cached: usize) -> bool {
    let (table, tokens) = sequence.matchable();
    let outside = cache.restorable(table, tokens, cached);
    let found = cached + outside.blocks;
    if outside.on_disk > 0 && worth.fetches(found, outside.on_disk) && sequence.may_fetch() {
        let (table, tokens) = sequence.matchable();
        return cache.fetch(table, tokens, found);
    }
    outside.is_coming
}
