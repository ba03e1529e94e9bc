//! Words of a text for search by words, and how much one occurrence is worth (BM25).
//!
//! S. Robertson, H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", Foundations
//! and Trends in Information Retrieval 3 (2009). The inverse document frequency is the variant that
//! never falls below zero, which Lucene and Qdrant use as well.

use std::collections::BTreeMap;

/// How soon more occurrences of a word stop to matter.
const K1: f32 = 1.2;
/// How much a long text is held against it, from 0 to 1.
const B: f32 = 0.75;
/// Longest word, in characters; longer ones are data, not words.
const MAX_WORD: usize = 64;
/// Most different words of a question that are searched for; more cost time and add nothing.
const MAX_QUESTION: usize = 256;

/// The words of one text: how often each occurs, by its number, and how many there are in all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Terms {
    /// Occurrences by word. A word's number is a checksum of it: two words share one in some
    /// millions, and then are one word.
    pub(super) counts: BTreeMap<u32, u16>,
    /// Words in all.
    pub(super) length: u32,
}

impl Terms {
    /// Words are runs of letters and digits in lower case; in scripts that are written without
    /// spaces every character is one.
    pub(super) fn of(text: &str) -> Self {
        let mut terms = Self::default();
        for run in text.split(|c: char| !c.is_alphanumeric()) {
            let mut word = String::new();
            for c in run.chars() {
                if is_a_word(c) {
                    terms.add(&word);
                    word.clear();
                    terms.add(c.encode_utf8(&mut [0; 4]));
                } else {
                    word.extend(c.to_lowercase());
                }
            }
            terms.add(&word);
        }
        terms
    }

    /// The numbers of the words of a question.
    pub(super) fn question(text: &str) -> Vec<u32> {
        let terms = Self::of(text);
        terms.counts.into_keys().take(MAX_QUESTION).collect()
    }

    fn add(&mut self, word: &str) {
        if word.is_empty() || word.chars().count() > MAX_WORD {
            return;
        }
        let count = self
            .counts
            .entry(crc32fast::hash(word.as_bytes()))
            .or_default();
        *count = count.saturating_add(1);
        self.length = self.length.saturating_add(1);
    }
}

/// What `count` occurrences are worth in a text of `length` words where texts have `average` words.
#[expect(
    clippy::cast_precision_loss,
    reason = "texts have fewer than 2^24 words"
)]
pub(super) fn occurrence_weight(count: u16, length: u32, average: f32) -> f32 {
    let count = f32::from(count);
    let long = length as f32 / average.max(1.0);
    count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * long))
}

/// What a word is worth that occurs in `with` of `all` texts.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a logarithm of counts far below 2^53"
)]
pub(super) fn rarity(with: usize, all: usize) -> f32 {
    let (with, all) = (with as f64, all.max(with) as f64);
    (1.0 + (all - with + 0.5) / (with + 0.5)).ln() as f32
}

/// Scripts that are written without spaces: kana, Han, Thai and their neighbours.
fn is_a_word(c: char) -> bool {
    matches!(u32::from(c), 0x0E00..=0x0EFF | 0x3040..=0x30FF | 0x3400..=0x9FFF | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF)
}
