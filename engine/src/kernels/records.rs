//! Records of several owners side by side in one mapping.
//!
//! The layers of a KV cache each have a record for each block, and a block's records are used
//! together. Were each layer a mapping of its own, the first block in use would take a huge page of
//! every layer; side by side all of a block's records lie on one or two.

#![expect(
    unsafe_code,
    reason = "records of one mapping belong to different owners"
)]

use std::marker::PhantomData;
use std::slice;
use std::sync::Arc;

use memmap2::MmapRaw;

use super::pages;

/// One owner's records, all of one length. Bytes are zeros at first; the system gives their memory
/// as they are first touched.
#[derive(Debug)]
pub(super) struct Records {
    /// `None` for no bytes.
    region: Option<Arc<MmapRaw>>,
    /// Where the first record begins.
    start: usize,
    /// Bytes from one record to the next.
    stride: usize,
    len: usize,
    count: usize,
}

impl Records {
    /// `owners` times `count` records of `len` bytes: the first record of each owner, then the second
    /// of each, and so on. Each begins at a multiple of the largest power of two that divides `len`.
    /// Ends the program, as a `Vec` does, when the system has no room for them.
    pub(super) fn side_by_side(owners: usize, count: usize, len: usize) -> Vec<Self> {
        let stride = owners.saturating_mul(len);
        let bytes = stride.saturating_mul(count);
        let region = (bytes > 0).then(|| pages::map(bytes));
        let owner = |index| Self {
            region: region.clone(),
            start: index * len,
            stride,
            len,
            count,
        };
        (0..owners).map(owner).collect()
    }

    /// Bytes of all of this owner's records.
    pub(super) fn bytes(&self) -> usize {
        self.len * self.count
    }

    /// Bytes of a record.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// A record.
    ///
    /// # Panics
    /// When there is no such record.
    #[inline(always)]
    pub(super) fn get(&self, index: usize) -> &[u8] {
        match self.place(index) {
            // SAFETY: `place` lies within the mapping, which lives as long as `self` and is
            // initialised; only this owner has these bytes, and what writes them borrows it alone.
            Some(first) => unsafe { slice::from_raw_parts(first, self.len) },
            None => &[],
        }
    }

    /// A record, to be written.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    pub(super) fn get_mut(&mut self, index: usize) -> &mut [u8] {
        match self.place(index) {
            // SAFETY: as in `get`; and `self` is borrowed alone.
            Some(first) => unsafe { slice::from_raw_parts_mut(first, self.len) },
            None => &mut [],
        }
    }

    /// For threads that each write parts of their own.
    #[expect(
        clippy::needless_pass_by_ref_mut,
        reason = "borrowing it alone keeps others from reading what is being written"
    )]
    pub(super) fn disjoint(&mut self) -> DisjointRecords<'_> {
        DisjointRecords {
            records: self,
            alone: PhantomData,
        }
    }

    /// Where a record begins; `None` where all are empty.
    #[inline(always)]
    fn place(&self, index: usize) -> Option<*mut u8> {
        assert!(index < self.count, "record {index} of {}", self.count);
        let region = self.region.as_ref()?;
        let offset = self.start + index * self.stride;
        // SAFETY: a record below `count` lies within the mapping as `side_by_side` made it.
        Some(unsafe { region.as_mut_ptr().add(offset) })
    }
}

/// Records that are borrowed alone, and written in parts by several threads.
#[derive(Debug)]
pub(super) struct DisjointRecords<'a> {
    records: &'a Records,
    alone: PhantomData<&'a mut Records>,
}

impl<'a> DisjointRecords<'a> {
    /// `len` bytes of a record from `start` on.
    ///
    /// # Safety
    /// No byte of a part may be reached through another part that is alive at the same time.
    ///
    /// # Panics
    /// When there is no such record, or the part leaves it.
    #[inline(always)]
    pub(super) unsafe fn part(&self, index: usize, start: usize, len: usize) -> &'a mut [u8] {
        let most = self.records.len;
        assert!(
            start <= most && len <= most - start,
            "part {start}+{len} of a record of {most}"
        );
        let Some(first) = self.records.place(index) else {
            return &mut [];
        };
        // SAFETY: checked just now to lie within the record.
        let first = unsafe { first.add(start) };
        // SAFETY: within the record, which is borrowed alone for 'a; the caller keeps parts apart.
        unsafe { slice::from_raw_parts_mut(first, len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_write_records_of_their_own() {
        let mut owners = Records::side_by_side(3, 5, 192);
        let number = |owner: usize, record: usize| u8::try_from(owner * 5 + record + 1).unwrap();
        for (owner, records) in owners.iter_mut().enumerate() {
            assert_eq!((records.len(), records.bytes()), (192, 960));
            for record in 0..5 {
                assert!(records.get(record).iter().all(|byte| *byte == 0));
                records.get_mut(record)[..100].fill(number(owner, record));
                let rest = records.disjoint();
                // SAFETY: no other part is alive.
                let rest = unsafe { rest.part(record, 100, 92) };
                rest.fill(number(owner, record));
            }
        }
        for (owner, records) in owners.iter().enumerate() {
            for record in 0..5 {
                let bytes = records.get(record);
                assert_eq!(bytes.as_ptr().align_offset(64), 0);
                assert!(bytes.iter().all(|byte| *byte == number(owner, record)));
            }
        }
    }

    #[test]
    fn there_may_be_nothing() {
        for (owners, count, len) in [(2, 0, 64), (2, 3, 0)] {
            let records = Records::side_by_side(owners, count, len);
            assert_eq!(records.len(), owners);
            assert_eq!(records[1].bytes(), 0);
        }
        assert!(Records::side_by_side(1, 2, 0)[0].get(1).is_empty());
    }

    #[test]
    #[should_panic(expected = "record 5 of 5")]
    fn a_record_that_is_not_there_is_refused() {
        Records::side_by_side(1, 5, 64)[0].get(5);
    }
}
