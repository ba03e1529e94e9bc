//! Records of one kind in the order in which they came, found by their ids and listed by pages.

use redb::{Database, ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::batches::OUTCOMES;
use super::error::StoreError;
use super::{conversations, responses};

/// A record by the number of its coming.
type Records = TableDefinition<'static, u64, &'static [u8]>;
/// That number by the record's id.
type Ids = TableDefinition<'static, &'static str, u64>;

/// What is kept on a shelf.
pub(crate) trait Kept: Serialize + DeserializeOwned {
    /// The shelf.
    const SHELF: Shelf;

    /// The name under which it is found.
    fn id(&self) -> &str;
}

/// The tables of one kind of record.
#[derive(Clone, Copy)]
pub(crate) struct Shelf {
    /// What one is called in errors.
    pub(super) kind: &'static str,
    pub(super) records: Records,
    ids: Ids,
}

/// Which records are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageRequest {
    /// The id behind which the page begins.
    pub(crate) after: Option<String>,
    /// Records at most, at least 1.
    pub(crate) limit: usize,
    /// From which end.
    pub(crate) order: Order,
}

/// From which end a list begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The oldest first.
    Ascending,
    /// The latest first.
    Descending,
}

/// Some records of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page<T> {
    /// The records.
    pub(crate) items: Vec<T>,
    /// Whether more follow.
    pub(crate) has_more: bool,
}

pub(super) const FILES: Shelf = shelf("file", "files", "file_ids");
pub(super) const BATCHES: Shelf = shelf("batch", "batches", "batch_ids");

pub(super) const RESPONSES: Shelf = shelf("response", "responses", "response_ids");
pub(super) const CONVERSATIONS: Shelf = shelf("conversation", "conversations", "conversation_ids");

const SHELVES: [Shelf; 4] = [FILES, BATCHES, RESPONSES, CONVERSATIONS];

const fn shelf(kind: &'static str, records: &'static str, ids: &'static str) -> Shelf {
    Shelf {
        kind,
        records: TableDefinition::new(records),
        ids: TableDefinition::new(ids),
    }
}

/// Makes every table, so that readers find each.
pub(super) fn make_all(database: &Database) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    for shelf in SHELVES {
        transaction.open_table(shelf.records)?;
        transaction.open_table(shelf.ids)?;
    }
    transaction.open_table(OUTCOMES)?;
    conversations::prepare(&transaction)?;
    transaction.commit()?;
    responses::prepare(database)
}

/// Adds a record behind all others; returns its number and its bytes.
pub(super) fn add<T: Kept>(
    change: &WriteTransaction,
    record: &T,
) -> Result<(u64, u64), StoreError> {
    let mut records = change.open_table(T::SHELF.records)?;
    let last = records.last()?.map_or(0, |(number, _)| number.value());
    let number = last + 1;
    let bytes = serde_json::to_vec(record)?;
    records.insert(number, bytes.as_slice())?;
    let mut ids = change.open_table(T::SHELF.ids)?;
    ids.insert(record.id(), number)?;
    Ok((number, bytes.len() as u64))
}

/// Puts a record in the place of the one with its id; returns its bytes.
pub(super) fn replace<T: Kept>(change: &WriteTransaction, record: &T) -> Result<u64, StoreError> {
    let ids = change.open_table(T::SHELF.ids)?;
    let number = number(&ids, T::SHELF, record.id())?;
    let mut records = change.open_table(T::SHELF.records)?;
    let bytes = serde_json::to_vec(record)?;
    records.insert(number, bytes.as_slice())?;
    Ok(bytes.len() as u64)
}

/// Takes a record away; returns the bytes that it had.
pub(super) fn remove<T: Kept>(change: &WriteTransaction, id: &str) -> Result<u64, StoreError> {
    let mut ids = change.open_table(T::SHELF.ids)?;
    let number = number(&ids, T::SHELF, id)?;
    ids.remove(id)?;
    let mut records = change.open_table(T::SHELF.records)?;
    let removed = records.remove(number)?;
    Ok(removed.map_or(0, |record| record.value().len() as u64))
}

/// Bytes of the record with this id, if there is one.
pub(super) fn find<T: Kept>(
    change: &WriteTransaction,
    id: &str,
) -> Result<Option<u64>, StoreError> {
    let Some(number) = change.open_table(T::SHELF.ids)?.get(id)?.map(|n| n.value()) else {
        return Ok(None);
    };
    let records = change.open_table(T::SHELF.records)?;
    let record = records.get(number)?;
    Ok(record.map(|record| record.value().len() as u64))
}

/// The oldest record, and its bytes.
pub(super) fn first<T: Kept>(change: &WriteTransaction) -> Result<Option<(T, u64)>, StoreError> {
    let records = change.open_table(T::SHELF.records)?;
    let Some((_, oldest)) = records.first()? else {
        return Ok(None);
    };
    let bytes = oldest.value();
    Ok(Some((serde_json::from_slice(bytes)?, bytes.len() as u64)))
}

/// A record as a change sees it, with its number.
pub(super) fn of_change<T: Kept>(
    change: &WriteTransaction,
    id: &str,
) -> Result<(u64, T), StoreError> {
    let ids = change.open_table(T::SHELF.ids)?;
    let records = change.open_table(T::SHELF.records)?;
    found(&ids, &records, id)
}

/// Every record as a change sees it, the oldest first.
pub(super) fn all_of_change<T: Kept>(change: &WriteTransaction) -> Result<Vec<T>, StoreError> {
    every(&change.open_table(T::SHELF.records)?)
}

/// A record, with its number.
pub(super) fn get<T: Kept>(read: &ReadTransaction, id: &str) -> Result<(u64, T), StoreError> {
    let ids = read.open_table(T::SHELF.ids)?;
    let records = read.open_table(T::SHELF.records)?;
    found(&ids, &records, id)
}

/// Every record, the oldest first.
pub(super) fn all<T: Kept>(read: &ReadTransaction) -> Result<Vec<T>, StoreError> {
    every(&read.open_table(T::SHELF.records)?)
}

/// The records of one page that `wanted` takes.
pub(super) fn page<T: Kept>(
    read: &ReadTransaction,
    request: &PageRequest,
    wanted: impl Fn(&T) -> bool,
) -> Result<Page<T>, StoreError> {
    let records = read.open_table(T::SHELF.records)?;
    let ids = read.open_table(T::SHELF.ids)?;
    let after = request.after.as_deref();
    let after = after.map(|id| number(&ids, T::SHELF, id)).transpose()?;
    let (low, high) = match (request.order, after) {
        (Order::Ascending, Some(after)) => (after.saturating_add(1), u64::MAX),
        (Order::Descending, Some(after)) => (0, after),
        (_, None) => (0, u64::MAX),
    };
    let mut range = records.range(low..high)?;
    let mut items = Vec::new();
    loop {
        let entry = match request.order {
            Order::Ascending => range.next(),
            Order::Descending => range.next_back(),
        };
        let Some(entry) = entry else {
            return Ok(Page {
                items,
                has_more: false,
            });
        };
        let record: T = serde_json::from_slice(entry?.1.value())?;
        if !wanted(&record) {
            continue;
        }
        if items.len() >= request.limit {
            return Ok(Page {
                items,
                has_more: true,
            });
        }
        items.push(record);
    }
}

fn every<T: Kept>(records: &impl ReadableTable<u64, &'static [u8]>) -> Result<Vec<T>, StoreError> {
    let entries = records.iter()?;
    let read = entries.map(|entry| Ok(serde_json::from_slice(entry?.1.value())?));
    read.collect()
}

fn found<T: Kept>(
    ids: &impl ReadableTable<&'static str, u64>,
    records: &impl ReadableTable<u64, &'static [u8]>,
    id: &str,
) -> Result<(u64, T), StoreError> {
    let number = number(ids, T::SHELF, id)?;
    let record = records.get(number)?;
    let record = record.ok_or_else(|| StoreError::missing(T::SHELF.kind, id))?;
    Ok((number, serde_json::from_slice(record.value())?))
}

fn number(
    ids: &impl ReadableTable<&'static str, u64>,
    shelf: Shelf,
    id: &str,
) -> Result<u64, StoreError> {
    let number = ids.get(id)?.map(|number| number.value());
    number.ok_or_else(|| StoreError::missing(shelf.kind, id))
}
