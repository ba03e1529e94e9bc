//! Packed weights kept in a file, so that the next start maps them instead of packing.
//!
//! A file is named after what it was packed from and for: the model's files (their sizes, times of
//! change and samples of their bytes), the instruction set, and the version of the layout. It is
//! written under another name and renamed when it is whole, it is proved by checksums before it is
//! used, and one that is damaged or does not fit is packed anew. Processes that serve one model share
//! its memory, and the system may take back what nobody reads.

mod footer;
mod place;
mod start;
#[cfg(test)]
mod tests;

pub(super) use place::PackedPlace;
pub(super) use start::start;
