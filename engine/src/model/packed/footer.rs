//! What stands behind the packed bytes of a file.
//!
//! ```text
//!   segments, each from a multiple of 64 on
//!   magic 8 │ identity 32 │ bytes of the segments │ their number │ format rows cols start bytes …
//!     │ XXH3 of each chunk of the segments …                          (little-endian, 64 bits each)
//!   bytes of the footer │ XXH3 of the footer
//! ```
//! The checksums find what was torn, cut or damaged, at the speed of memory; they are no proof
//! against somebody who writes the file, who could as well write the model.

use twox_hash::XxHash3_64;

use crate::kernels::{Format, PackedSegment, SegmentKey};

/// Bytes that one checksum covers, and that are written at once: a huge page, so that the system
/// may keep the file in huge pages.
pub(super) const CHUNK: usize = 2 << 20;
/// Format of the file and its version.
const MAGIC: [u8; 8] = *b"pstkPW\x01\n";
/// The footer's length and checksum.
const TRAILER: usize = 16;

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Footer {
    /// What the segments were packed from and for.
    pub(super) identity: [u8; 32],
    /// Bytes of all segments.
    pub(super) data_bytes: usize,
    /// In the order of packing.
    pub(super) segments: Vec<PackedSegment>,
    /// Of each chunk of the data.
    pub(super) sums: Vec<u64>,
}

/// The checksum of some bytes.
pub(super) fn sum(bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot(bytes)
}

impl Footer {
    /// The bytes that stand behind the segments.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.identity);
        let mut put = |word: usize| bytes.extend((word as u64).to_le_bytes());
        put(self.data_bytes);
        put(self.segments.len());
        for PackedSegment {
            key,
            start,
            bytes: len,
        } in &self.segments
        {
            let format = Format::ALL.iter().position(|format| *format == key.format);
            put(format.unwrap_or(usize::MAX));
            [key.rows, key.cols, *start, *len]
                .into_iter()
                .for_each(&mut put);
        }
        for sum in &self.sums {
            bytes.extend(sum.to_le_bytes());
        }
        let trailer = [bytes.len() as u64, sum(&bytes)];
        bytes.extend(trailer.map(u64::to_le_bytes).as_flattened());
        bytes
    }

    /// Reads the footer of a whole file; `None` where it is not one of this version, is damaged, or
    /// says what cannot be.
    pub(super) fn decode(file: &[u8]) -> Option<Self> {
        let (rest, trailer) = file.split_at_checked(file.len().checked_sub(TRAILER)?)?;
        let mut trailer = Words(trailer);
        let length = trailer.size()?;
        let footer_sum = trailer.word()?;
        let (data, footer) = rest.split_at_checked(rest.len().checked_sub(length)?)?;
        if sum(footer) != footer_sum {
            return None;
        }
        let (magic, footer) = footer.split_first_chunk()?;
        let (identity, footer) = footer.split_first_chunk()?;
        let mut words = Words(footer);
        let data_bytes = words.size()?;
        if *magic != MAGIC || data_bytes != data.len() {
            return None;
        }
        let count = words.size()?;
        // Grown as they are read: the footer ends before an absurd number of them does.
        let mut segments = Vec::new();
        for _ in 0..count {
            segments.push(words.segment()?);
        }
        let mut sums = Vec::new();
        while let Some(sum) = words.word() {
            sums.push(sum);
        }
        (words.0.is_empty() && sums.len() == data_bytes.div_ceil(CHUNK)).then_some(Self {
            identity: *identity,
            data_bytes,
            segments,
            sums,
        })
    }
}

/// Little-endian words, one after the other.
struct Words<'a>(&'a [u8]);

impl Words<'_> {
    fn word(&mut self) -> Option<u64> {
        let (word, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*word))
    }

    fn size(&mut self) -> Option<usize> {
        self.word()?.try_into().ok()
    }

    fn segment(&mut self) -> Option<PackedSegment> {
        let format = *Format::ALL.get(self.size()?)?;
        let (rows, cols) = (self.size()?, self.size()?);
        Some(PackedSegment {
            key: SegmentKey { format, rows, cols },
            start: self.size()?,
            bytes: self.size()?,
        })
    }
}
