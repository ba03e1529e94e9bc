//! Writing one slice from several threads, each to places of its own.

#![expect(
    unsafe_code,
    reason = "the borrow checker cannot see that chunks write to different places"
)]

use std::marker::PhantomData;
use std::slice;

/// A mutable slice that may be cut at run time by threads that know which part is theirs.
#[derive(Debug)]
pub(super) struct Disjoint<'a, T> {
    start: *mut T,
    len: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: it is a mutable slice; parts of it move to other threads as parts of a slice may.
unsafe impl<T: Send> Send for Disjoint<'_, T> {}
// SAFETY: a shared one gives out mutable parts only, and those under the contract of `part`.
unsafe impl<T: Send> Sync for Disjoint<'_, T> {}

impl<'a, T> Disjoint<'a, T> {
    pub(super) fn new(slice: &'a mut [T]) -> Self {
        Self {
            start: slice.as_mut_ptr(),
            len: slice.len(),
            slice: PhantomData,
        }
    }

    /// `len` elements from `start` on.
    ///
    /// # Safety
    /// No element of a part may be reached through another part that is alive at the same time.
    ///
    /// # Panics
    /// When the part leaves the slice.
    #[inline(always)]
    pub(super) unsafe fn part(&self, start: usize, len: usize) -> &'a mut [T] {
        assert!(
            start <= self.len && len <= self.len - start,
            "part {start}+{len} of a slice of {}",
            self.len
        );
        // SAFETY: checked just now to lie within the slice.
        let first = unsafe { self.start.add(start) };
        // SAFETY: within the slice, which outlives 'a, and the caller keeps parts apart.
        unsafe { slice::from_raw_parts_mut(first, len) }
    }
}
