//! What a collection keeps in memory, in step with one state of the file.

use redb::ReadTransaction;

use super::changes::Change;
use super::codes::Codes;
use super::columns::Columns;
use super::mask::Mask;

/// One state of the collection. Some 1.1 bytes for each number of a vector, and the metadata's
/// values.
pub(super) struct Resident {
    /// The file as it was at this state.
    pub(super) snapshot: ReadTransaction,
    /// Slots that hold a point.
    pub(super) live: Mask,
    pub(super) codes: Codes,
    pub(super) columns: Columns,
    /// Words of each slot's text; 0 where there is no point.
    pub(super) words: Vec<u32>,
    total_words: u64,
    /// Slots below the highest that hold no point; the last is taken first.
    pub(super) free: Vec<u32>,
    /// Points in all.
    pub(super) count: usize,
}

impl Resident {
    /// An empty collection at `snapshot`.
    pub(super) fn new(snapshot: ReadTransaction, dimension: usize) -> Self {
        Self {
            snapshot,
            live: Mask::default(),
            codes: Codes::new(dimension),
            columns: Columns::default(),
            words: Vec::new(),
            total_words: 0,
            free: Vec::new(),
            count: 0,
        }
    }

    /// Takes over what was written, and the state of the file that has it.
    pub(super) fn apply(&mut self, changes: &[Change], snapshot: ReadTransaction) {
        for change in changes {
            self.apply_one(change);
        }
        self.snapshot = snapshot;
        self.find_free();
    }

    /// One change; [`find_free`](Self::find_free) is due after the last.
    pub(super) fn apply_one(&mut self, change: &Change) {
        let (slot, index) = (change.slot, change.slot as usize);
        if let Some(before) = &change.before {
            self.columns.remove(slot, before);
            self.total_words -= u64::from(self.words[index]);
            self.words[index] = 0;
            self.live.remove(slot);
            self.count -= 1;
        }
        if let Some(after) = &change.after {
            if let Some(vector) = &after.vector {
                self.codes.set(slot, vector);
            }
            if index >= self.words.len() {
                self.words.resize(index + 1, 0);
            }
            self.columns.insert(slot, &after.metadata);
            self.words[index] = after.words;
            self.total_words += u64::from(after.words);
            self.live.insert(slot);
            self.count += 1;
        }
    }

    /// Finds the slots that may be taken.
    pub(super) fn find_free(&mut self) {
        self.free.clear();
        if self.count < self.words.len() {
            let slots = (0u32..).take(self.words.len());
            self.free
                .extend(slots.filter(|slot| !self.live.contains(*slot)));
            self.free.reverse();
        }
    }

    /// Words of an average text.
    pub(super) fn average_words(&self) -> f32 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "an average of small numbers"
        )]
        let average = (self.total_words as f64 / self.count.max(1) as f64) as f32;
        average
    }
}
