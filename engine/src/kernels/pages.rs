//! Large zeroed memory on huge pages where the system has them.
//!
//! A step reads all weights and whole contexts once: with pages of 4 KiB the processor misses its
//! table of pages all the time (where this was measured, two threads read 54 GB/s from huge pages
//! and 45 from small ones). A huge page has 2 MiB, more than most tensors, so slices are cut one
//! after the other from large mappings.

#![expect(
    unsafe_code,
    reason = "slices of one mapping belong to different owners"
)]

use std::alloc::{Layout, handle_alloc_error};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::slice;
use std::sync::Arc;

use bytemuck::Pod;
use memmap2::{Mmap, MmapMut, MmapRaw};

/// Address space of a mapping from which slices are cut; only what is touched takes memory.
const REGION: usize = 64 << 20;
/// Slices begin at whole cache lines.
const ALIGN: usize = 64;

/// Cuts slices from mappings. What was cut stays after it; a mapping goes with its last slice.
#[derive(Debug, Default)]
pub(super) struct Arena {
    region: Option<Arc<MmapRaw>>,
    /// Bytes of `region` that were given away.
    used: usize,
}

/// A slice of zeros at first. The system gives its memory as it is first touched.
#[derive(Debug)]
pub(super) struct Pages<T> {
    /// `None` for no bytes.
    region: Option<Arc<MmapRaw>>,
    start: usize,
    len: usize,
    of: PhantomData<T>,
}

impl Arena {
    /// `len` zeros. Ends the program, as a `Vec` does, when the system has no room for them.
    pub(super) fn zeroed<T: Pod>(&mut self, len: usize) -> Pages<T> {
        const {
            assert!(
                align_of::<T>() <= ALIGN,
                "slices begin at whole cache lines"
            );
        };
        let bytes = len.saturating_mul(size_of::<T>());
        let mut pages = Pages {
            region: None,
            start: 0,
            len,
            of: PhantomData,
        };
        if bytes >= REGION {
            pages.region = Some(map(bytes));
        } else if bytes > 0 {
            let left = self
                .region
                .as_ref()
                .filter(|region| region.len() - self.used >= bytes);
            let region = left.cloned().unwrap_or_else(|| {
                self.used = 0;
                map(REGION)
            });
            pages.start = self.used;
            self.used = (self.used + bytes).next_multiple_of(ALIGN);
            self.region = Some(Arc::clone(&region));
            pages.region = Some(region);
        }
        pages
    }
}

/// Zeroed memory of its own, on huge pages where the system has them.
pub(super) fn map(bytes: usize) -> Arc<MmapRaw> {
    let Ok(map) = MmapMut::map_anon(bytes) else {
        handle_alloc_error(Layout::new::<[u8; REGION]>());
    };
    #[cfg(target_os = "linux")]
    // A system without huge pages refuses; small ones serve as well.
    map.advise(memmap2::Advice::HugePage).ok();
    Arc::new(MmapRaw::from(map))
}

impl<T> Pages<T> {
    /// Nobody writes it any more.
    pub(super) fn freeze(self) -> Frozen<T> {
        Frozen {
            region: self.region.map(Memory::Anonymous),
            start: self.start,
            len: self.len,
            of: PhantomData,
        }
    }
}

/// A slice that nobody writes any more, in memory of its own or in a file.
#[derive(Debug, Clone)]
pub(super) struct Frozen<T> {
    /// `None` for no bytes.
    region: Option<Memory>,
    start: usize,
    len: usize,
    of: PhantomData<T>,
}

#[derive(Debug, Clone)]
enum Memory {
    Anonymous(Arc<MmapRaw>),
    File(Arc<Mmap>),
}

impl<T: Pod> Frozen<T> {
    /// `len` values that begin `start` bytes into a file; `None` where they leave it, or are not
    /// aligned.
    pub(super) fn of_file(file: &Arc<Mmap>, start: usize, len: usize) -> Option<Self> {
        let bytes = len.checked_mul(size_of::<T>())?;
        let place = file.get(start..start.checked_add(bytes)?)?;
        (place.as_ptr().cast::<T>().is_aligned()).then(|| Self {
            region: Some(Memory::File(Arc::clone(file))),
            start,
            len,
            of: PhantomData,
        })
    }
}

impl<T: Pod> Deref for Frozen<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        let start = match &self.region {
            None => return &[],
            Some(Memory::Anonymous(region)) => region.as_ptr(),
            Some(Memory::File(file)) => file.as_ptr(),
        };
        // SAFETY: `start` and the length were found to lie within the mapping.
        let first = unsafe { start.add(self.start) };
        // SAFETY: they are aligned, initialised, of a type that any bytes are a value of, live as long
        // as the mapping, which `self` holds, and nobody writes them: `freeze` took what could, and a
        // file's mapping is for reading.
        unsafe { slice::from_raw_parts(first.cast(), self.len) }
    }
}

impl<T: Pod> Deref for Pages<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        let Some(region) = &self.region else {
            return &[];
        };
        // SAFETY: the arena gave out these bytes within the mapping once, to this value.
        let first = unsafe { region.as_ptr().add(self.start) };
        // SAFETY: they are aligned, initialised (by the system, to zeros that are any `Pod`), live as
        // long as the mapping, which `self` holds, and nobody else has them.
        unsafe { slice::from_raw_parts(first.cast(), self.len) }
    }
}

impl<T: Pod> DerefMut for Pages<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        let Some(region) = &self.region else {
            return &mut [];
        };
        // SAFETY: as in `deref`.
        let first = unsafe { region.as_mut_ptr().add(self.start) };
        // SAFETY: as in `deref`; and `self` is borrowed alone.
        unsafe { slice::from_raw_parts_mut(first.cast(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_zeroed_apart_and_keep_what_is_written() {
        let mut arena = Arena::default();
        let lens = [0, 1, 5000, REGION / 4 - 17, 3, 12 << 20, REGION / 4, 7];
        let mut slices: Vec<Pages<u32>> = lens.iter().map(|len| arena.zeroed(*len)).collect();
        drop(arena);
        for (number, (slice, len)) in (1..).zip(slices.iter_mut().zip(lens)) {
            assert_eq!(slice.len(), len);
            assert!(slice.iter().all(|x| *x == 0), "slice {number}");
            slice.fill(number);
        }
        for (number, slice) in (1..).zip(&slices) {
            assert!(slice.iter().all(|x| *x == number), "slice {number}");
        }
    }
}
