//! Where rows of activations come from: they are computed vector by vector while they are taken in,
//! so that what a norm or an activation gives is never written to memory.

#![expect(unsafe_code, reason = "beginning a row may write to it")]

use crate::kernels::simd::{LANES, Simd, padded};

/// Rows that are computed as they are read.
pub(in crate::kernels) trait Source: Sync {
    /// One row, ready to be read.
    type Row<'r>: Copy
    where
        Self: 'r;

    /// Values in a row.
    fn width(&self) -> usize;

    /// Does what a whole row needs before its values can be read.
    ///
    /// # Safety
    /// Each row is begun by one thread at most, and once.
    unsafe fn begin<S: Simd>(&self, s: S, index: usize) -> Self::Row<'_>;

    /// Values `16 * index` and on; zeros behind the end of the row.
    fn vector<S: Simd>(s: S, row: Self::Row<'_>, index: usize) -> S::F;
}

/// Rows that lie in memory.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernels) struct Plain<'a> {
    pub(in crate::kernels) values: &'a [f32],
    pub(in crate::kernels) width: usize,
}

impl Source for Plain<'_> {
    type Row<'r>
        = Vectors<'r>
    where
        Self: 'r;

    fn width(&self) -> usize {
        self.width
    }

    #[inline(always)]
    unsafe fn begin<S: Simd>(&self, _: S, index: usize) -> Vectors<'_> {
        Vectors::of(&self.values[index * self.width..][..self.width])
    }

    #[inline(always)]
    fn vector<S: Simd>(s: S, row: Vectors<'_>, index: usize) -> S::F {
        row.load(s, index)
    }
}

/// A row as whole vectors and the rest of it.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernels) struct Vectors<'a> {
    whole: &'a [[f32; LANES]],
    rest: &'a [f32],
}

impl<'a> Vectors<'a> {
    #[inline(always)]
    pub(in crate::kernels) fn of(row: &'a [f32]) -> Self {
        let (whole, rest) = row.as_chunks();
        Self { whole, rest }
    }

    /// Vectors that hold all values of the row.
    #[inline(always)]
    pub(in crate::kernels) fn count(self) -> usize {
        self.whole.len() + usize::from(!self.rest.is_empty())
    }

    /// A vector, filled up with zeros.
    #[inline(always)]
    pub(in crate::kernels) fn load<S: Simd>(self, s: S, index: usize) -> S::F {
        match self.whole.get(index) {
            Some(vector) => s.load(vector),
            None => s.load(&padded(self.rest)),
        }
    }
}

/// Writes a vector of a row, as far as the row goes.
#[inline(always)]
pub(in crate::kernels) fn store<S: Simd>(s: S, v: S::F, index: usize, row: &mut [f32]) {
    let to = &mut row[index * LANES..];
    match to.first_chunk_mut() {
        Some(whole) => s.store(v, whole),
        None => {
            let mut last = [0.0; LANES];
            s.store(v, &mut last);
            to.copy_from_slice(&last[..to.len()]);
        }
    }
}
