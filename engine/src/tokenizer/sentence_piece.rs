//! SentencePiece's BPE: a vocabulary that lists scores instead of merges.
//!
//! Neighbours are joined as long as some joint is in the vocabulary, always those whose joint has the
//! highest score, of equals the leftmost (Kudo and Richardson, 2018; `bpe_model.cc`). Working on scores
//! directly costs nothing at load time, where a list of all merges would be several times as long as
//! the vocabulary.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use super::pieces::byte_of;

/// Longest token that takes part, in bytes. Real ones stay below 130; without a limit a corrupt file
/// could make texts cost the square of their length.
const MAX_TOKEN_BYTES: usize = 512;

/// A vocabulary, as text is cut by it.
#[derive(Debug)]
pub(super) struct SentencePiece {
    ids: HashMap<Box<str>, u32>,
    /// By id; `None` for tokens that no text is made of.
    scores: Vec<Option<f32>>,
    /// The tokens that stand for bytes.
    bytes: [Option<u32>; 256],
    /// For what cannot be spelled otherwise; neighbours share one.
    unknown: Option<u32>,
    /// Bytes of the longest token that takes part.
    longest: usize,
}

/// A piece of the text on its way to be a token; those that were joined to another are empty.
#[derive(Clone, Copy)]
struct Symbol {
    start: usize,
    end: usize,
    previous: Option<usize>,
    next: Option<usize>,
}

/// Two neighbours that may be joined.
struct Pair {
    score: f32,
    left: usize,
    right: usize,
    /// Bytes of the joint when the pair was found: another number tells that it is no longer there.
    len: usize,
}

impl SentencePiece {
    /// From the texts of all tokens, by id. `takes_part` says of which a text may be made.
    pub(super) fn new(
        tokens: &[&str],
        scores: &[f32],
        unknown: Option<u32>,
        takes_part: impl Fn(usize) -> bool,
    ) -> Self {
        let mut ids = HashMap::with_capacity(tokens.len());
        let mut bytes = [None; 256];
        let mut longest = 0;
        let mut taken = Vec::with_capacity(tokens.len());
        for ((id, (index, &token)), &score) in (0..).zip(tokens.iter().enumerate()).zip(scores) {
            if let Some(byte) = byte_of(token) {
                bytes[usize::from(byte)] = Some(id);
            }
            let takes_part =
                !token.is_empty() && token.len() <= MAX_TOKEN_BYTES && takes_part(index);
            if takes_part {
                longest = longest.max(token.len());
            }
            taken.push(takes_part.then_some(score));
            if !token.is_empty() {
                ids.insert(token.into(), id);
            }
        }
        Self {
            ids,
            scores: taken,
            bytes,
            unknown,
            longest,
        }
    }

    /// The id of a token, whether texts are made of it or not.
    pub(super) fn token_to_id(&self, token: &str) -> Option<u32> {
        self.ids.get(token).copied()
    }

    /// The ids of a text whose spaces are written as the vocabulary writes them.
    pub(super) fn encode(&self, text: &str) -> Vec<u32> {
        let mut symbols = characters(text);
        let mut pairs = BinaryHeap::new();
        for right in 1..symbols.len() {
            pairs.extend(self.pair(text, &symbols, right - 1, right));
        }
        while let Some(pair) = pairs.pop() {
            let (left, right) = (symbols[pair.left], symbols[pair.right]);
            let there = left.end > left.start && right.end > right.start;
            if !there || right.end - left.start != pair.len {
                continue;
            }
            symbols[pair.left] = Symbol {
                end: right.end,
                next: right.next,
                ..left
            };
            symbols[pair.right].end = right.start;
            if let Some(previous) = left.previous {
                pairs.extend(self.pair(text, &symbols, previous, pair.left));
            }
            if let Some(next) = right.next {
                symbols[next].previous = Some(pair.left);
                pairs.extend(self.pair(text, &symbols, pair.left, next));
            }
        }
        let mut ids = Vec::new();
        for symbol in symbols.iter().filter(|symbol| symbol.end > symbol.start) {
            self.spell(&text[symbol.start..symbol.end], &mut ids);
        }
        ids
    }

    fn pair(&self, text: &str, symbols: &[Symbol], left: usize, right: usize) -> Option<Pair> {
        let joint = symbols[left].start..symbols[right].end;
        let len = joint.len();
        if len > self.longest {
            return None;
        }
        let (_, score) = self.find(&text[joint])?;
        Some(Pair {
            score,
            left,
            right,
            len,
        })
    }

    /// A token that takes part, and its score.
    fn find(&self, token: &str) -> Option<(u32, f32)> {
        let id = *self.ids.get(token)?;
        let score = self.scores.get(id as usize).copied().flatten()?;
        Some((id, score))
    }

    /// The token of a piece; a character without one is spelled by its bytes, or is unknown.
    fn spell(&self, piece: &str, ids: &mut Vec<u32>) {
        if let Some((id, _)) = self.find(piece) {
            ids.push(id);
            return;
        }
        let bytes: Option<Vec<u32>> = piece.bytes().map(|b| self.bytes[usize::from(b)]).collect();
        match (bytes, self.unknown) {
            (Some(bytes), _) => ids.extend(bytes),
            (None, Some(unknown)) if ids.last() != Some(&unknown) => ids.push(unknown),
            (None, Some(_) | None) => {}
        }
    }
}

/// Each character by itself.
fn characters(text: &str) -> Vec<Symbol> {
    let mut symbols: Vec<Symbol> = text
        .char_indices()
        .enumerate()
        .map(|(index, (start, character))| Symbol {
            start,
            end: start + character.len_utf8(),
            previous: index.checked_sub(1),
            next: Some(index + 1),
        })
        .collect();
    if let Some(last) = symbols.last_mut() {
        last.next = None;
    }
    symbols
}

impl Ord for Pair {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_score = self.score.total_cmp(&other.score);
        by_score.then_with(|| other.left.cmp(&self.left))
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Pair {}
