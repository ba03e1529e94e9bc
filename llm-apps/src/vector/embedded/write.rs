//! Writing: one transaction for each call, and memory after it.

use std::collections::{HashMap, HashSet};

use redb::{ReadableDatabase, ReadableTable, Table, WriteTransaction};

use super::changes::{After, Change};
use super::lexical::Edits;
use super::record::{Stored, damaged, vector_bytes};
use super::store::{Fault, Store};
use super::tables::{IDS, POSTINGS, RECORDS, VECTORS};
use crate::vector::error::VectorError;
use crate::vector::point::{Metadata, Point};
use crate::vector::terms::Terms;

/// The tables of one write.
struct Tables<'t> {
    ids: Table<'t, &'static str, u32>,
    records: Table<'t, u32, &'static [u8]>,
    vectors: Table<'t, u32, &'static [u8]>,
    edits: Edits,
}

/// Slots for points that are new.
struct Slots {
    free: Vec<u32>,
    next: usize,
    room: usize,
}

impl Store {
    /// Stores proved points.
    pub(super) fn upsert(&self, points: Vec<Point>) -> Result<(), VectorError> {
        let points = last_of_each(points);
        self.write(|tables, slots| {
            points
                .into_iter()
                .map(|point| tables.upsert(point, slots))
                .collect()
        })
    }

    /// Replaces the metadata of what is there.
    pub(super) fn set_metadata(
        &self,
        metadata: Vec<(String, Metadata)>,
    ) -> Result<(), VectorError> {
        let metadata: HashMap<String, Metadata> = metadata.into_iter().collect();
        self.write(|tables, _| {
            let changes = metadata
                .into_iter()
                .map(|(id, metadata)| tables.set_metadata(&id, metadata));
            changes.filter_map(Result::transpose).collect()
        })
    }

    /// Removes what is there.
    pub(super) fn delete(&self, ids: Vec<String>) -> Result<(), VectorError> {
        let ids: HashSet<String> = ids.into_iter().collect();
        self.write(|tables, _| {
            let changes = ids.iter().map(|id| tables.delete(id));
            changes.filter_map(Result::transpose).collect()
        })
    }

    /// One transaction. What `work` did is on disk before memory has it, and in memory before the
    /// call returns.
    fn write(
        &self,
        work: impl FnOnce(&mut Tables<'_>, &mut Slots) -> Result<Vec<Change>, Fault>,
    ) -> Result<(), VectorError> {
        let _writing = self.writer.lock();
        self.write_alone(work).map_err(|fault| self.explain(fault))
    }

    fn write_alone(
        &self,
        work: impl FnOnce(&mut Tables<'_>, &mut Slots) -> Result<Vec<Change>, Fault>,
    ) -> Result<(), Fault> {
        let mut slots = {
            let resident = self.resident.read();
            Slots {
                free: resident.free.clone(),
                next: resident.words.len(),
                room: self.options.max_points.saturating_sub(resident.count),
            }
        };
        let transaction = self.database.begin_write()?;
        let changes = {
            let mut tables = Tables::open(&transaction)?;
            let changes = work(&mut tables, &mut slots)?;
            let edits = std::mem::take(&mut tables.edits);
            edits.write(&mut transaction.open_table(POSTINGS)?)?;
            changes
        };
        if changes.is_empty() {
            return Ok(transaction.abort()?);
        }
        transaction.commit()?;
        let snapshot = self.database.begin_read()?;
        self.resident.write().apply(&changes, snapshot);
        Ok(())
    }
}

impl<'t> Tables<'t> {
    fn open(transaction: &'t WriteTransaction) -> Result<Self, Fault> {
        Ok(Self {
            ids: transaction.open_table(IDS)?,
            records: transaction.open_table(RECORDS)?,
            vectors: transaction.open_table(VECTORS)?,
            edits: Edits::default(),
        })
    }

    fn upsert(&mut self, point: Point, slots: &mut Slots) -> Result<Change, Fault> {
        let (slot, before) = match self.slot_of(&point.id)? {
            Some(slot) => {
                let stored = self.stored(slot)?;
                self.edits.remove(slot, &Terms::of(&stored.text));
                (slot, Some(stored.metadata))
            }
            None => {
                let slot = slots.take()?;
                self.ids.insert(point.id.as_str(), slot)?;
                (slot, None)
            }
        };
        let terms = Terms::of(&point.text);
        self.edits.insert(slot, &terms);
        let stored = Stored {
            id: point.id,
            text: point.text,
            metadata: point.metadata,
            words: terms.length,
        };
        self.records.insert(slot, stored.to_bytes()?.as_slice())?;
        self.vectors
            .insert(slot, vector_bytes(&point.vector).as_slice())?;
        Ok(Change {
            slot,
            before,
            after: Some(After {
                vector: Some(point.vector),
                metadata: stored.metadata,
                words: stored.words,
            }),
        })
    }

    fn set_metadata(&mut self, id: &str, metadata: Metadata) -> Result<Option<Change>, Fault> {
        let Some(slot) = self.slot_of(id)? else {
            return Ok(None);
        };
        let mut stored = self.stored(slot)?;
        let before = std::mem::replace(&mut stored.metadata, metadata);
        self.records.insert(slot, stored.to_bytes()?.as_slice())?;
        Ok(Some(Change {
            slot,
            before: Some(before),
            after: Some(After {
                vector: None,
                metadata: stored.metadata,
                words: stored.words,
            }),
        }))
    }

    fn delete(&mut self, id: &str) -> Result<Option<Change>, Fault> {
        let Some(slot) = self.slot_of(id)? else {
            return Ok(None);
        };
        let stored = self.stored(slot)?;
        self.edits.remove(slot, &Terms::of(&stored.text));
        self.ids.remove(id)?;
        self.records.remove(slot)?;
        self.vectors.remove(slot)?;
        Ok(Some(Change {
            slot,
            before: Some(stored.metadata),
            after: None,
        }))
    }

    fn slot_of(&self, id: &str) -> Result<Option<u32>, Fault> {
        Ok(self.ids.get(id)?.map(|slot| slot.value()))
    }

    fn stored(&self, slot: u32) -> Result<Stored, Fault> {
        match self.records.get(slot)? {
            Some(bytes) => Stored::read(slot, bytes.value()),
            None => Err(damaged("record", slot)),
        }
    }
}

impl Slots {
    fn take(&mut self) -> Result<u32, Fault> {
        self.room = self.room.checked_sub(1).ok_or(Fault::Full)?;
        if let Some(slot) = self.free.pop() {
            return Ok(slot);
        }
        let slot = u32::try_from(self.next).map_err(|_| Fault::Full)?;
        self.next += 1;
        Ok(slot)
    }
}

/// Of points with one id the last, in the order of the last ones.
fn last_of_each(points: Vec<Point>) -> Vec<Point> {
    let mut seen = HashSet::new();
    let mut kept: Vec<Point> = points
        .into_iter()
        .rev()
        .filter(|point| seen.insert(point.id.clone()))
        .collect();
    kept.reverse();
    kept
}
