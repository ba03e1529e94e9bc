//! The file's layout.
//!
//! A point has a slot, a small number that its record, its vector and its postings share. Every
//! value begins with a checksum of the rest, so that damage is found where it lies.

use redb::TableDefinition;

/// The version of this layout and of how texts are cut into words.
pub(super) const FORMAT: u32 = 1;

/// `format`, `encoder` and `dimension`.
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Slot by id.
pub(super) const IDS: TableDefinition<'_, &str, u32> = TableDefinition::new("ids");
/// Id, text and metadata by slot.
pub(super) const RECORDS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("records");
/// Normalised vectors by slot: 32-bit floats, little-endian.
pub(super) const VECTORS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("vectors");
/// Which slots hold a word how often, by word and block of slots.
pub(super) const POSTINGS: TableDefinition<'_, (u32, u32), &[u8]> =
    TableDefinition::new("postings");
