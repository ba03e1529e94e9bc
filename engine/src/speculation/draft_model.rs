//! Guesses of a smaller model of the same vocabulary.
//!
//! It reads what the served model has read and goes on greedily, one token a round, for all sequences
//! of a step together. It has a KV cache and block tables of its own. What it computed for guesses
//! that were wrong is computed again over them: only true tokens ever enter its prefix index, and it
//! writes behind them only, so its blocks obey the same rules as the served model's (E2).
//!
//! A sequence that it has not read yet is read in chunks of a step's budget, one in each step of the
//! served model, and gets its first guess when it has caught up: a long prompt holds nobody up for
//! longer than one step of a small model.

use std::collections::BTreeMap;

use crate::batch::{BatchPlan, LogitRows, ScheduledSequence, SequenceId};
use crate::config::EngineConfig;
use crate::kv_cache::{BlockTable, KvCache, PrefixMatch};
use crate::model::{Forward, ModelError};
use crate::sampler::argmax;

#[cfg(test)]
mod tests;

/// A smaller model, and what it has read.
#[derive(Debug)]
pub(crate) struct DraftModel {
    model: Box<dyn Forward>,
    cache: KvCache,
    read: BTreeMap<SequenceId, Read>,
    /// Ids below this are of both vocabularies.
    vocab_size: usize,
    /// Tokens that it computes in a step.
    max_num_batched_tokens: usize,
}

/// A sequence for which tokens are to be guessed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) id: SequenceId,
    /// The prompt, then what was generated.
    pub(super) tokens: &'a [u32],
    /// Tokens to guess.
    pub(super) count: usize,
}

/// What the model has read of a sequence.
#[derive(Debug, Default)]
struct Read {
    table: BlockTable,
    /// Tokens whose keys and values are in the blocks; the last of them may be guesses.
    tokens: Vec<u32>,
    /// How many of them are known to be true.
    sure: usize,
}

impl DraftModel {
    /// A model that has read nothing, to guess for one whose token ids are below `vocab_size`.
    pub(crate) fn new(model: Box<dyn Forward>, vocab_size: usize, config: &EngineConfig) -> Self {
        Self {
            cache: KvCache::new(model.num_blocks(), config.enable_prefix_caching),
            vocab_size: vocab_size.min(model.limits().vocab_size),
            model,
            read: BTreeMap::new(),
            max_num_batched_tokens: config.max_num_batched_tokens.max(1),
        }
    }

    /// Guesses for each of `asks`, in their order: as many tokens as were asked for, fewer at the end
    /// of its context, none while it has not caught up or has no blocks.
    ///
    /// # Errors
    /// When the model cannot compute a plan.
    pub(super) fn guess(&mut self, asks: &[Ask<'_>]) -> Result<Vec<Vec<u32>>, ModelError> {
        let mut guesses = vec![Vec::new(); asks.len()];
        let counts: Vec<_> = asks.iter().map(|ask| self.prepare(ask, asks)).collect();
        let (plan, readers) = self.catch_up(asks, &counts);
        self.run(&plan, &readers, &mut guesses)?;
        self.commit(asks);
        let rounds = counts.iter().copied().max().unwrap_or(0);
        for round in 1..rounds {
            let going: Vec<_> = readers
                .iter()
                .copied()
                .filter(|&i| counts[i] > round)
                .collect();
            let plan = self.go_on(asks, &going, &guesses);
            self.run(&plan, &going, &mut guesses)?;
        }
        Ok(guesses)
    }

    /// A sequence is gone.
    pub(super) fn forget(&mut self, id: SequenceId) {
        if let Some(mut read) = self.read.remove(&id) {
            self.cache.release(&mut read.table);
        }
    }

    /// Forgets wrong guesses and takes blocks for what will be computed; how many tokens can be
    /// guessed.
    fn prepare(&mut self, ask: &Ask<'_>, asks: &[Ask<'_>]) -> usize {
        let len = ask.tokens.len();
        // The last guess is not computed.
        let most = (self.model.limits().max_model_len + 1).saturating_sub(len);
        let count = ask.count.min(most);
        let known = |&token: &u32| (token as usize) < self.vocab_size;
        let mut read = self.read.remove(&ask.id).unwrap_or_default();
        if count == 0 || !ask.tokens[read.sure..].iter().all(known) {
            self.read.insert(ask.id, read);
            return 0;
        }
        let fresh = ask.tokens[read.sure..]
            .iter()
            .zip(&read.tokens[read.sure..]);
        read.sure += fresh.take_while(|(a, b)| a == b).count();
        read.tokens.truncate(read.sure);

        let new = read.table.blocks().is_empty();
        let mut allocated = false;
        while !allocated {
            let prefix = match new {
                true => self.cache.match_prefix(&mut read.table, ask.tokens),
                false => PrefixMatch::default(),
            };
            let table = &mut read.table;
            allocated = self
                .cache
                .allocate(table, &prefix, len + count - 1, 0)
                .is_ok();
            if allocated && new {
                read.sure = prefix.num_tokens();
                read.tokens = ask.tokens[..read.sure].to_vec();
            }
            if !allocated && !self.give_way(asks) {
                break;
            }
        }
        self.read.insert(ask.id, read);
        if allocated { count } else { 0 }
    }

    /// Takes the blocks of a sequence for which nothing is asked now. `false` when there is none.
    fn give_way(&mut self, asks: &[Ask<'_>]) -> bool {
        let idle = self.read.iter_mut().rev().find(|(id, read)| {
            !read.table.blocks().is_empty() && asks.iter().all(|ask| ask.id != **id)
        });
        let Some((_, read)) = idle else { return false };
        self.cache.release(&mut read.table);
        read.tokens.clear();
        read.sure = 0;
        true
    }

    /// The first round: everything true that is not read yet, within the budget. Comes with the
    /// indices of those that are read to their end.
    fn catch_up(&mut self, asks: &[Ask<'_>], counts: &[usize]) -> (BatchPlan, Vec<usize>) {
        let mut plan = BatchPlan::default();
        let mut readers = Vec::new();
        let mut budget = self.max_num_batched_tokens;
        for (i, (ask, &count)) in asks.iter().zip(counts).enumerate() {
            let Some(read) = self.read.get_mut(&ask.id).filter(|_| count > 0) else {
                continue;
            };
            // Somebody must compute the last token, because its row is wanted. Should it be read
            // already, the same bits are written again.
            let start = read.sure.min(ask.tokens.len() - 1);
            let end = ask.tokens.len().min(start + budget);
            if start == end {
                continue;
            }
            budget -= end - start;
            let closed = end == ask.tokens.len();
            read.tokens.truncate(start);
            read.tokens.extend_from_slice(&ask.tokens[start..end]);
            read.sure = end;
            plan.sequences.push(ScheduledSequence {
                id: ask.id,
                tokens: ask.tokens[start..end].to_vec(),
                start,
                block_table: read.table.blocks()[..BlockTable::blocks_for(end)].to_vec(),
                logits: if closed {
                    LogitRows::Last
                } else {
                    LogitRows::None
                },
            });
            if closed {
                readers.push(i);
            }
        }
        (plan, readers)
    }

    /// A later round: the latest guess of each of `going`.
    fn go_on(&mut self, asks: &[Ask<'_>], going: &[usize], guesses: &[Vec<u32>]) -> BatchPlan {
        let mut plan = BatchPlan::default();
        for &i in going {
            let (Some(read), Some(&guess)) = (self.read.get_mut(&asks[i].id), guesses[i].last())
            else {
                continue;
            };
            let start = read.tokens.len();
            read.tokens.push(guess);
            plan.sequences.push(ScheduledSequence {
                id: asks[i].id,
                tokens: vec![guess],
                start,
                block_table: read.table.blocks()[..BlockTable::blocks_for(start + 1)].to_vec(),
                logits: LogitRows::Last,
            });
        }
        plan
    }

    /// Computes `plan`; its rows of logits are those of `readers`, whose likeliest tokens are their
    /// next guesses.
    fn run(
        &mut self,
        plan: &BatchPlan,
        readers: &[usize],
        guesses: &mut [Vec<u32>],
    ) -> Result<(), ModelError> {
        if plan.is_empty() {
            return Ok(());
        }
        let mut logits = self.model.forward(plan)?;
        for (row, &i) in logits.rows().zip(readers) {
            let row = &row[..self.vocab_size];
            let token = argmax(row).and_then(|token| u32::try_from(token).ok());
            guesses[i].extend(token);
        }
        Ok(())
    }

    /// What is read of the true tokens may be found by others.
    fn commit(&mut self, asks: &[Ask<'_>]) {
        for ask in asks {
            if let Some(read) = self.read.get_mut(&ask.id) {
                self.cache.commit(&mut read.table, &ask.tokens[..read.sure]);
            }
        }
    }
}
