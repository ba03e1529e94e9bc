//! Prompt lookup: what followed the last time that the text went like this.
//!
//! Answers repeat what they are about: names, quoted passages, code under edit, rows of a table. The
//! last few tokens are looked up among all tokens before them, and what came after them there is the
//! guess (prompt lookup decoding, Saxena 2023; vLLM's `ngram` method).
//!
//! The index is that of LZ77 compressors: a hash of the shortest run of tokens that counts as a match
//! leads to the latest place where it ended, and each place to the one before it. A lookup follows
//! that chain a bounded number of places and takes the longest match, the latest of equals. So a token
//! is added in O(1), a guess is found in O(1), and a token costs some twenty bytes.

use std::collections::{BTreeMap, HashMap};

use crate::batch::SequenceId;

/// Places that one lookup compares at most.
const CHAIN: usize = 32;

/// The indexes of all sequences.
#[derive(Debug)]
pub(super) struct NgramLookup {
    min: usize,
    max: usize,
    indexes: BTreeMap<SequenceId, NgramIndex>,
}

/// One sequence's runs of tokens by content.
#[derive(Debug)]
pub(super) struct NgramIndex {
    /// Fewest and most tokens that are compared.
    min: usize,
    max: usize,
    /// The latest place at which a run with this hash ends.
    latest: HashMap<u64, u32>,
    /// For each place the one before it with the same hash, 0 for none; a place is the number of
    /// tokens before it. Its length is how far the tokens were read.
    earlier: Vec<u32>,
}

impl NgramLookup {
    /// No sequences yet; matches are of `min` to `max` tokens.
    pub(super) fn new(min: usize, max: usize) -> Self {
        Self {
            min,
            max,
            indexes: BTreeMap::new(),
        }
    }

    /// [`NgramIndex::guess`] for a sequence.
    pub(super) fn guess(
        &mut self,
        id: SequenceId,
        tokens: &[u32],
        count: usize,
    ) -> Option<Vec<u32>> {
        let (min, max) = (self.min, self.max);
        let index = self.indexes.entry(id);
        index
            .or_insert_with(|| NgramIndex::new(min, max))
            .guess(tokens, count)
    }

    /// A sequence is gone.
    pub(super) fn forget(&mut self, id: SequenceId) {
        self.indexes.remove(&id);
    }
}

impl NgramIndex {
    /// An index of nothing yet, for matches of `min` to `max` tokens.
    pub(super) fn new(min: usize, max: usize) -> Self {
        let min = min.max(1);
        Self {
            min,
            max: max.max(min),
            latest: HashMap::new(),
            earlier: Vec::new(),
        }
    }

    /// `count` tokens that may follow `tokens`: what came after the longest earlier run that equals
    /// their end. `None` where there is none. `tokens` must begin with those of the last call.
    pub(super) fn guess(&mut self, tokens: &[u32], count: usize) -> Option<Vec<u32>> {
        self.read(tokens);
        let place = self.longest_match(tokens)?;
        let mut guess = Vec::with_capacity(count);
        for i in place..place + count {
            // A match that reaches up to the end repeats with the distance between the two.
            let next = tokens.get(i).or_else(|| guess.get(i - tokens.len()));
            guess.push(*next?);
        }
        Some(guess)
    }

    /// Adds the places before the last one: a run is not its own match.
    fn read(&mut self, tokens: &[u32]) {
        for place in self.earlier.len()..tokens.len() {
            let before = match place.checked_sub(self.min) {
                // A context's length is far below 2^32.
                Some(start) => self.latest.insert(
                    hash(&tokens[start..place]),
                    u32::try_from(place).unwrap_or(0),
                ),
                None => None,
            };
            self.earlier.push(before.unwrap_or(0));
        }
    }

    /// Where the longest earlier run ends that equals the end of `tokens`.
    fn longest_match(&self, tokens: &[u32]) -> Option<usize> {
        let end = tokens.len();
        let run = &tokens[end.checked_sub(self.min)?..];
        let mut place = *self.latest.get(&hash(run))? as usize;
        let mut best: Option<(usize, usize)> = None;
        for _ in 0..CHAIN {
            let pairs = tokens[..place].iter().rev().zip(tokens.iter().rev());
            let matched = pairs.take(self.max).take_while(|(a, b)| a == b).count();
            // Below `min` only the hashes are equal.
            if matched >= self.min && best.is_none_or(|(_, longest)| matched > longest) {
                best = Some((place, matched));
            }
            place = self.earlier.get(place).map_or(0, |&p| p as usize);
            if matched == self.max || place == 0 {
                break;
            }
        }
        best.map(|(place, _)| place)
    }
}

/// FNV-1a over whole tokens, then mixed. What it confuses is told apart by comparing.
fn hash(tokens: &[u32]) -> u64 {
    let fnv = tokens
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, &token| {
            (hash ^ u64::from(token)).wrapping_mul(0x0100_0000_01b3)
        });
    fnv ^ (fnv >> 32)
}
