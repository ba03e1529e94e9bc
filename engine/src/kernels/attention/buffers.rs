//! Memory that attention uses again from call to call, so that a step allocates nothing.

use std::hint;

use parking_lot::{Mutex, MutexGuard};

use super::section::Sums;
use super::state::State;
use super::tile::Queries;
use crate::kernels::simd::LANES;

/// What a call writes beside its output.
#[derive(Debug, Default)]
pub(in crate::kernels) struct Buffers {
    /// Of the sections that are apart.
    pub(super) states: Vec<State>,
    /// Theirs too.
    pub(super) vectors: Vec<[f32; LANES]>,
    /// As many as there are threads at least.
    pub(super) desks: Vec<Mutex<Desk>>,
}

/// What a thread writes while it computes a piece. What is as large for all models lies on its
/// stack instead.
#[derive(Debug, Default)]
pub(super) struct Desk {
    pub(super) queries: DeskQueries,
    /// What the rows have summed in the section that is computed.
    pub(super) section: Sums,
    /// In the sections before.
    pub(super) whole: Sums,
}

/// The queries of a piece, in the bands of its steps.
#[derive(Debug, Default)]
pub(super) struct DeskQueries {
    /// Where each member walks for itself.
    pub(super) own: Queries,
    /// Where all walk together.
    pub(super) together: Queries,
}

impl Buffers {
    /// Grows to what a call needs: the rows of its sections apart, and a desk for each thread.
    pub(super) fn reach(&mut self, threads: usize, head_dim: usize, part_rows: usize) {
        let vectors = part_rows * Self::width(head_dim);
        if self.states.len() < part_rows {
            self.states.resize(part_rows, State::NOTHING);
        }
        if self.vectors.len() < vectors {
            self.vectors.resize(vectors, [0.0; LANES]);
        }
        if self.desks.len() < threads {
            self.desks.resize_with(threads, Mutex::default);
        }
        for desk in &mut self.desks {
            let desk = desk.get_mut();
            desk.queries.own.reach(head_dim);
            desk.queries.together.reach(head_dim);
            desk.section.reach(head_dim);
            desk.whole.reach(head_dim);
        }
    }

    /// Vectors of a row.
    pub(super) fn width(head_dim: usize) -> usize {
        head_dim / LANES
    }
}

/// A desk that nobody has. Each thread of a call has one at most, so there is one, or it is just
/// being left.
pub(super) fn free(desks: &[Mutex<Desk>]) -> MutexGuard<'_, Desk> {
    loop {
        if let Some(desk) = desks.iter().find_map(Mutex::try_lock) {
            return desk;
        }
        hint::spin_loop();
    }
}
