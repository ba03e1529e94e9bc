//! From the file to memory, once, when a collection is opened.

use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata};

use super::changes::{After, Change};
use super::record::{Stored, damaged, read_vector};
use super::resident::Resident;
use super::store::Fault;
use super::tables::{IDS, RECORDS, VECTORS};
use crate::vector::collection::CollectionIdentity;

/// Reads records and vectors in the order of their slots, each against its checksum.
pub(super) fn load(
    snapshot: ReadTransaction,
    identity: &CollectionIdentity,
    max_points: usize,
) -> Result<Resident, Fault> {
    let records = snapshot.open_table(RECORDS)?;
    let vectors = snapshot.open_table(VECTORS)?;
    let ids = snapshot.open_table(IDS)?.len()?;
    if records.len()? != ids || vectors.len()? != ids {
        let what = "ids, records and vectors differ in number";
        return Err(Fault::Corrupt(what.to_owned()));
    }
    let mut resident = Resident::new(snapshot, identity.dimension);
    for (record, vector) in records.iter()?.zip(vectors.iter()?) {
        let ((slot, record), (vector_slot, bytes)) = (record?, vector?);
        let slot = slot.value();
        if vector_slot.value() != slot {
            return Err(damaged("vector", slot));
        }
        // Memory is made for all slots below; there are never more than points at a time.
        if slot as usize >= max_points {
            return Err(Fault::Full);
        }
        let stored = Stored::read(slot, record.value())?;
        let mut vector = vec![0.0; identity.dimension];
        read_vector(slot, bytes.value(), &mut vector)?;
        resident.apply_one(&Change {
            slot,
            before: None,
            after: Some(After {
                vector: Some(vector),
                metadata: stored.metadata,
                words: stored.words,
            }),
        });
    }
    resident.find_free();
    Ok(resident)
}
