//! Sections of a context, each with an online softmax of its own, and how they become one.
//!
//! Sections are counted from position 0 and merged in ascending order, by whoever computed them: a
//! row's result depends on its position and context only (E9). A row whose context lies in one
//! section has nothing to merge.

#![expect(unsafe_code, reason = "sections are written by several threads")]

use super::buffers::Buffers;
use super::plan::PIECE_ROWS;
use super::state::State;
use super::stretch::STRETCH_LEN;
use crate::kernels::disjoint::Disjoint;
use crate::kernels::simd::{LANES, Simd};

/// Stretches of a section.
pub(super) const SECTION_STRETCHES: usize = 8;
/// Positions of a section.
pub(super) const SECTION: usize = SECTION_STRETCHES * STRETCH_LEN;

/// What the rows of a piece have summed.
#[derive(Debug)]
pub(super) struct Sums {
    pub(super) states: [State; PIECE_ROWS],
    /// Of each row, the weighted sum of the values: `width` vectors.
    vectors: Vec<[f32; LANES]>,
    width: usize,
}

impl Default for Sums {
    fn default() -> Self {
        Self {
            states: [State::NOTHING; PIECE_ROWS],
            vectors: Vec::new(),
            width: 0,
        }
    }
}

impl Sums {
    /// Makes room for the rows of a piece. What they hold is anything.
    pub(super) fn reach(&mut self, head_dim: usize) {
        self.width = Buffers::width(head_dim);
        let vectors = PIECE_ROWS * self.width;
        if self.vectors.len() < vectors {
            self.vectors.resize(vectors, [0.0; LANES]);
        }
    }

    /// Forgets what `rows` rows have summed.
    #[inline(always)]
    pub(super) fn clear(&mut self, rows: usize) {
        self.states[..rows].fill(State::NOTHING);
        self.vectors[..rows * self.width].fill([0.0; LANES]);
    }

    /// The sum of a row.
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> &[[f32; LANES]] {
        &self.vectors[row * self.width..][..self.width]
    }

    /// The sums of the rows from `row` on, and the number of vectors that each has.
    #[inline(always)]
    pub(super) fn rows(&mut self, row: usize) -> (&mut [[f32; LANES]], usize) {
        (&mut self.vectors[row * self.width..], self.width)
    }

    /// Takes a row's next section in; `first` says that it is the first that the row sees.
    #[inline(always)]
    pub(super) fn take<S: Simd>(
        &mut self,
        s: S,
        (row, first): (usize, bool),
        state: &State,
        vectors: &[[f32; LANES]],
    ) {
        let sums = &mut self.vectors[row * self.width..][..self.width];
        if first {
            self.states[row] = *state;
            sums.copy_from_slice(vectors);
            return;
        }
        let (before, after) = self.states[row].merge(s, state);
        let (before, after) = (s.splat(before), s.splat(after));
        for (sum, vector) in sums.iter_mut().zip(vectors) {
            let shrunk = s.mul(s.load(sum), before);
            s.store(s.mul_add(s.load(vector), after, shrunk), sum);
        }
    }
}

/// Where the first row of a piece has its results of a section, among [`Parts`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Part(pub(super) usize);

/// Results of sections that are apart.
pub(super) struct Parts<'a> {
    states: Disjoint<'a, State>,
    vectors: Disjoint<'a, [f32; LANES]>,
    width: usize,
}

impl<'a> Parts<'a> {
    pub(super) fn new(states: &'a mut [State], vectors: &'a mut [[f32; LANES]]) -> Self {
        let width = vectors.len() / states.len().max(1);
        Self {
            states: Disjoint::new(states),
            vectors: Disjoint::new(vectors),
            width,
        }
    }

    /// A row's results.
    ///
    /// # Safety
    /// Nobody else has them while this reference lives.
    #[inline(always)]
    pub(super) unsafe fn row(
        &self,
        part: Part,
        row: usize,
    ) -> (&'a mut State, &'a mut [[f32; LANES]]) {
        let at = part.0 + row;
        // SAFETY: the caller's word.
        let states = unsafe { self.states.part(at, 1) };
        // SAFETY: the caller's word.
        let vectors = unsafe { self.vectors.part(at * self.width, self.width) };
        (&mut states[0], vectors)
    }
}
