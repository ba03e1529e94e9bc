//! Requests that begin alike go to one replica, which has the beginning in its cache.

use std::collections::{BTreeMap, HashMap};

use crate::deployment::ReplicaId;
use crate::stage::{Call, PREFIX_BLOCK, Prefix};

use super::traits::{Candidate, RequestRouter};

/// The numbers of [`PrefixAware`], by Ray Serve's names.
#[derive(Debug, Clone, PartialEq)]
pub struct PrefixAwareConfig {
    /// From this difference of loads on, between the most and the least loaded replica, load alone
    /// decides. Default: 8. (Ray Serve's is infinite, with which all requests that begin alike go to
    /// one replica while others have nothing to do.)
    pub imbalanced_threshold: usize,
    /// The share of a text that a replica must know to be preferred, from 0 to 1. Default: 0.1.
    pub match_rate_threshold: f64,
    /// Characters of texts that are remembered of one replica at most; those unused for longest are
    /// forgotten. Default: 400,000.
    pub eviction_threshold_chars: usize,
    /// Characters that are left then. Default: 360,000.
    pub eviction_target_chars: usize,
    /// The variable whose beginning counts; `None` is what a `generate` stage answers.
    pub variable: Option<String>,
}

/// Prefers the replica that was given the longest beginning of the text before, as Ray Serve's
/// `PrefixCacheAffinityRouter` does:
///
/// 1. Where loads differ by `imbalanced_threshold` or more, `otherwise` chooses by load.
/// 2. Else the replica that knows most of the text, if that is `match_rate_threshold` of it at least;
///    of several the least loaded.
/// 3. Else the replica of which least is remembered; of several the least loaded.
///
/// What it remembers are hashes of blocks of text. A request whose text is not known is `otherwise`'s.
#[derive(Debug, Clone)]
pub struct PrefixAware<R> {
    config: PrefixAwareConfig,
    otherwise: R,
    known: HashMap<ReplicaId, Known>,
}

/// The texts that one replica was given.
///
/// Stamps count up; the later blocks of a text are stamped before the earlier ones. So those that go
/// first, when there are too many, are the ends of texts: of each block that is here, all before it are
/// here as well.
#[derive(Debug, Clone, Default)]
struct Known {
    stamps: HashMap<u64, u64>,
    order: BTreeMap<u64, u64>,
    next: u64,
}

impl Default for PrefixAwareConfig {
    fn default() -> Self {
        Self {
            imbalanced_threshold: 8,
            match_rate_threshold: 0.1,
            eviction_threshold_chars: 400_000,
            eviction_target_chars: 360_000,
            variable: None,
        }
    }
}

impl<R: RequestRouter> PrefixAware<R> {
    /// `otherwise` chooses where loads are uneven, and for requests without a text.
    pub fn new(config: PrefixAwareConfig, otherwise: R) -> Self {
        Self {
            config,
            otherwise,
            known: HashMap::new(),
        }
    }

    /// Blocks that are remembered of a replica.
    pub fn remembered(&self, replica: ReplicaId) -> usize {
        self.known.get(&replica).map_or(0, |k| k.stamps.len())
    }

    /// The replica by what it knows.
    fn by_prefix(&self, candidates: &[Candidate], prefix: &Prefix) -> Option<usize> {
        let blocks = prefix.blocks();
        let matched = |c: &Candidate| self.known.get(&c.replica).map_or(0, |k| k.matched(blocks));
        let indexed = || candidates.iter().enumerate();
        let best = indexed()
            .map(|(index, c)| (matched(c), std::cmp::Reverse(c.ongoing), index))
            .max()?;
        if best.0 > 0 && share(best.0, blocks.len()) >= self.config.match_rate_threshold {
            return Some(best.2);
        }
        indexed()
            .min_by_key(|(_, c)| (self.remembered(c.replica), c.ongoing))
            .map(|(index, _)| index)
    }
}

impl<R: RequestRouter> RequestRouter for PrefixAware<R> {
    fn choose(&mut self, candidates: &[Candidate], call: &Call) -> Option<usize> {
        let Some(prefix) = call.prefix() else {
            return self.otherwise.choose(candidates, call);
        };
        let loads = || candidates.iter().map(|c| c.ongoing);
        let spread = loads().max()? - loads().min()?;
        let chosen = if spread >= self.config.imbalanced_threshold {
            self.otherwise.choose(candidates, call)?
        } else {
            self.by_prefix(candidates, prefix)?
        };
        let replica = candidates.get(chosen)?.replica;
        let known = self.known.entry(replica).or_default();
        known.learn(prefix.blocks());
        let most = self.config.eviction_threshold_chars / PREFIX_BLOCK;
        if known.stamps.len() > most {
            let left = self.config.eviction_target_chars / PREFIX_BLOCK;
            known.forget_down_to(left.min(most));
        }
        Some(chosen)
    }

    fn forget(&mut self, replica: ReplicaId) {
        self.known.remove(&replica);
        self.otherwise.forget(replica);
    }
}

impl Known {
    /// How many blocks of a text are known, from its beginning on.
    fn matched(&self, blocks: &[u64]) -> usize {
        // What is known of a text is known from its beginning on, so the border can be halved to.
        blocks.partition_point(|block| self.stamps.contains_key(block))
    }

    fn learn(&mut self, blocks: &[u64]) {
        for block in blocks.iter().rev() {
            if let Some(before) = self.stamps.insert(*block, self.next) {
                self.order.remove(&before);
            }
            self.order.insert(self.next, *block);
            self.next += 1;
        }
    }

    fn forget_down_to(&mut self, left: usize) {
        while self.stamps.len() > left
            && let Some((_, block)) = self.order.pop_first()
        {
            self.stamps.remove(&block);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "some hundred blocks")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}
