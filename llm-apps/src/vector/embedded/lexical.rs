//! The inverted index: which slots hold a word, and the search through it.
//!
//! A word's postings lie in blocks of [`BLOCK`] slots, four bytes for a slot, so that storing a text
//! rewrites one small value for each of its words, and a search reads what it needs in order.

use std::collections::BTreeMap;

use redb::{ReadableTable, Table};

use super::mask::Mask;
use super::record::{seal, unseal};
use super::resident::Resident;
use super::store::Fault;
use super::tables::POSTINGS;
use crate::vector::terms::{Terms, occurrence_weight, rarity};

/// Slots of one block.
const BLOCK: u32 = 4096;

/// Changes of postings that are written together: for a word and a block, the new count of each slot
/// in it; `None` takes the slot out.
#[derive(Debug, Default)]
pub(super) struct Edits {
    blocks: BTreeMap<(u32, u32), BTreeMap<u16, Option<u16>>>,
}

impl Edits {
    /// The text of a slot is no longer this.
    pub(super) fn remove(&mut self, slot: u32, terms: &Terms) {
        for term in terms.counts.keys() {
            self.set(*term, slot, None);
        }
    }

    /// The text of a slot is this.
    pub(super) fn insert(&mut self, slot: u32, terms: &Terms) {
        for (term, count) in &terms.counts {
            self.set(*term, slot, Some(*count));
        }
    }

    fn set(&mut self, term: u32, slot: u32, count: Option<u16>) {
        let block = self.blocks.entry((term, slot / BLOCK)).or_default();
        block.insert((slot % BLOCK) as u16, count);
    }

    /// Writes all changes.
    pub(super) fn write(self, postings: &mut Table<'_, (u32, u32), &[u8]>) -> Result<(), Fault> {
        for (key, edits) in self.blocks {
            let mut block = match postings.get(key)? {
                Some(bytes) => read_block(key, bytes.value())?.collect(),
                None => BTreeMap::new(),
            };
            for (offset, count) in edits {
                match count {
                    Some(count) => block.insert(offset, count),
                    None => block.remove(&offset),
                };
            }
            if block.is_empty() {
                postings.remove(key)?;
            } else {
                let entries = block.into_iter();
                let body = entries.flat_map(|(offset, count)| {
                    let [a, b] = offset.to_le_bytes();
                    let [c, d] = count.to_le_bytes();
                    [a, b, c, d]
                });
                postings.insert(key, seal(body.collect()).as_slice())?;
            }
        }
        Ok(())
    }
}

/// The `keep` slots of the mask that answer the question best by its words, best first, with their
/// BM25 scores. Slots that share no word with it are not among them.
pub(super) fn best(
    resident: &Resident,
    question: &str,
    mask: &Mask,
    keep: usize,
) -> Result<Vec<(u32, f32)>, Fault> {
    let postings = resident.snapshot.open_table(POSTINGS)?;
    let average = resident.average_words();
    let mut scores = vec![0.0_f32; resident.words.len()];
    for term in Terms::question(question) {
        let mut found = Vec::new();
        for block in postings.range((term, 0)..=(term, u32::MAX))? {
            let (key, bytes) = block?;
            let key = key.value();
            let first = key.1.saturating_mul(BLOCK);
            let entries = read_block(key, bytes.value())?;
            found.extend(entries.map(|(offset, count)| (first + u32::from(offset), count)));
        }
        let rarity = rarity(found.len(), resident.live.len());
        for (slot, count) in found {
            let index = slot as usize;
            if let (Some(score), Some(words)) = (scores.get_mut(index), resident.words.get(index)) {
                *score += rarity * occurrence_weight(count, *words, average);
            }
        }
    }
    let mut found: Vec<(u32, f32)> = (0u32..)
        .zip(scores)
        .filter(|(slot, score)| *score > 0.0 && mask.contains(*slot))
        .collect();
    found.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    found.truncate(keep);
    Ok(found)
}

fn read_block(
    (term, block): (u32, u32),
    bytes: &[u8],
) -> Result<impl Iterator<Item = (u16, u16)>, Fault> {
    let body = unseal(bytes)
        .filter(|body| body.len() % 4 == 0)
        .ok_or_else(|| {
            Fault::Corrupt(format!(
                "block {block} of the postings of word {term:08x} is not what was written"
            ))
        })?;
    let (entries, _) = body.as_chunks::<4>();
    Ok(entries
        .iter()
        .map(|[a, b, c, d]| (u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d]))))
}
