//! What one write does to a slot, told to the memory after the file has it.

use crate::vector::point::Metadata;

/// One slot's change.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) slot: u32,
    /// The metadata of the point that was there.
    pub(super) before: Option<Metadata>,
    /// The point that is there.
    pub(super) after: Option<After>,
}

/// A point as memory needs it.
#[derive(Debug)]
pub(super) struct After {
    /// `None` where it stays.
    pub(super) vector: Option<Vec<f32>>,
    pub(super) metadata: Metadata,
    /// Words of the text.
    pub(super) words: u32,
}
