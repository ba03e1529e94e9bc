//! The walk of query rows over the blocks of their context.

#![expect(unsafe_code, reason = "pieces write to rows and heads of their own")]

use std::ops::Range;

use parking_lot::Mutex;

use super::buffers::{Desk, DeskQueries, free};
use super::cache::KvLayer;
use super::plan::{AttentionPlan, Cut, Member, PIECE_ROWS, Piece, Task};
use super::section::{Part, Parts, SECTION, SECTION_STRETCHES, Sums};
use super::stretch::{STRETCH, STRETCH_LEN, Stretch, Workplace};
use super::tile::Band;
use crate::BlockId;
use crate::kernels::disjoint::Disjoint;
use crate::kernels::simd::Simd;

/// What all pieces share.
pub(super) struct Shared<'a> {
    pub(super) cache: &'a KvLayer,
    pub(super) q: &'a [f32],
    pub(super) plan: &'a AttentionPlan,
    pub(super) scale: f32,
    pub(super) out: &'a Disjoint<'a, f32>,
    pub(super) parts: &'a Parts<'a>,
    pub(super) desks: &'a [Mutex<Desk>],
}

impl Shared<'_> {
    /// Computes some tasks one after the other.
    ///
    /// # Safety
    /// Nobody else computes them at the same time, or reads their parts.
    #[inline(always)]
    pub(super) unsafe fn run<S: Simd>(&self, s: S, tasks: &[Task]) {
        let (mut at, desk) = (Workplace::new(), &mut *free(self.desks));
        for (index, task) in tasks.iter().enumerate() {
            let walk = Walk::new(self, task.piece);
            let after = tasks.get(index + 1).map(|task| {
                let walk = Walk::new(self, task.piece);
                let first = walk.steps(task.sections.clone()).next();
                (
                    walk.piece.kv_head,
                    first.map_or(&[][..], |step| step.blocks),
                )
            });
            walk.go(s, (task, after), desk, &mut at);
            match task.part {
                // SAFETY: the caller's word.
                Some(part) => unsafe { walk.put(part, &desk.section) },
                // SAFETY: each row and head is in one piece, and the piece in this one task.
                None => unsafe { walk.end(s, &desk.whole) },
            }
        }
    }

    /// Merges the sections of a piece.
    ///
    /// # Safety
    /// Its tasks have been computed, and nobody else merges them.
    #[inline(always)]
    pub(super) unsafe fn merge<S: Simd>(&self, s: S, cut: &Cut) {
        let walk = Walk::new(self, cut.piece);
        let whole = &mut free(self.desks).whole;
        let mut part = cut.part;
        for section in cut.sections.clone() {
            for row in 0..walk.rows {
                if let Some(first) = walk.sees(row, section) {
                    // SAFETY: whoever wrote it has ended by the word of the caller.
                    let (state, vectors) = unsafe { self.parts.row(part, row) };
                    whole.take(s, (row, first), state, vectors);
                }
            }
            part.0 += walk.rows;
        }
        // SAFETY: each row and head is in one piece, and its tasks have ended.
        unsafe { walk.end(s, whole) };
    }
}

/// Some rows of a piece and a stretch that they see at least in part.
#[derive(Debug, Clone)]
struct Step<'a> {
    stretch: usize,
    blocks: &'a [BlockId],
    rows: Range<usize>,
    /// Whether all members walk together.
    shared: bool,
}

/// A piece on its way through its context.
pub(super) struct Walk<'a> {
    all: &'a Shared<'a>,
    piece: &'a Piece,
    members: &'a [Member],
    rows: usize,
    /// Positions up to each row's own.
    contexts: [usize; PIECE_ROWS],
    /// Where each row begins in `q` and `out`.
    places: [usize; PIECE_ROWS],
}

impl<'a> Walk<'a> {
    #[inline(always)]
    fn new(all: &'a Shared<'a>, piece: usize) -> Self {
        let piece = &all.plan.pieces[piece];
        let members = &all.plan.members[piece.members.clone()];
        let (mut contexts, mut places) = ([0; PIECE_ROWS], [0; PIECE_ROWS]);
        let (heads, head_dim) = (all.plan.shape.heads, all.cache.head_dim());
        let mut row = 0;
        for member in members {
            let span = all.plan.spans.get(member.span);
            for query in member.first_query..member.first_query + member.queries {
                for head in piece.first_head..piece.first_head + piece.heads {
                    contexts[row] = span.context_start + query + 1;
                    places[row] = ((span.q_start + query) * heads + head) * head_dim;
                    row += 1;
                }
            }
        }
        Self {
            all,
            piece,
            members,
            rows: row,
            contexts,
            places,
        }
    }

    /// Computes a task's sections. `after` is the KV head and blocks of what comes next.
    #[inline(always)]
    fn go<S: Simd>(
        &self,
        s: S,
        (task, after): (&Task, Option<(usize, &[BlockId])>),
        desk: &mut Desk,
        at: &mut Workplace,
    ) {
        let (scale, shared) = (self.all.scale, self.piece.shared > 0);
        let Desk {
            queries: DeskQueries { own, together },
            section: sums,
            whole,
        } = desk;
        own.lay(self.own_bands::<S>(), scale, |row| self.query(row));
        if shared {
            let bands = bands::<S>(&(0..self.rows));
            together.lay(bands, scale, |row| self.query(row));
        }
        for section in task.sections.clone() {
            sums.clear(self.rows);
            let mut steps = self.steps(section..section + 1).peekable();
            while let Some(step) = steps.next() {
                let queries = if step.shared { &*together } else { &*own };
                let next = steps.peek().map(|next| (self.piece.kv_head, next.blocks));
                let stretch = Stretch {
                    walk: self,
                    rows: step.rows,
                    start: step.stretch * STRETCH_LEN,
                    blocks: step.blocks,
                    next: next.or(after),
                };
                stretch.run(s, queries, sums, at);
            }
            if task.part.is_none() {
                for row in 0..self.rows {
                    if let Some(first) = self.sees(row, section) {
                        whole.take(s, (row, first), &sums.states[row], sums.row(row));
                    }
                }
            }
        }
    }

    /// The stretches of some sections, each with the rows that walk over it.
    #[inline(always)]
    fn steps(&self, sections: Range<usize>) -> impl Iterator<Item = Step<'a>> {
        let stretches = sections.start * SECTION_STRETCHES..sections.end * SECTION_STRETCHES;
        let (all, heads, shared) = (self.all, self.piece.heads, self.piece.shared);
        let window = all.cache.window();
        let unseen = move |member: &Member| {
            let context = all.plan.spans.get(member.span).context_start + member.first_query + 1;
            context.saturating_sub(window) / STRETCH_LEN
        };
        let step = move |member: &Member, stretch: usize, rows: Range<usize>, shared: bool| {
            let table = all.plan.spans.get(member.span).block_table;
            let first = (stretch * STRETCH).min(table.len());
            Step {
                stretch,
                blocks: &table[first..(first + STRETCH).min(table.len())],
                rows,
                shared,
            }
        };
        let first = self.members.iter().map(unseen).min().unwrap_or(0);
        let together = (first.max(stretches.start)..shared.min(stretches.end)).filter_map({
            let (members, rows) = (self.members, self.rows);
            move |stretch| Some(step(members.first()?, stretch, 0..rows, true))
        });
        let mut row = 0;
        let apart = self.members.iter().flat_map(move |member| {
            let rows = row..row + member.queries * heads;
            row = rows.end;
            let end =
                all.plan.spans.get(member.span).context_start + member.first_query + member.queries;
            let from = stretches.start.max(unseen(member)).max(shared);
            (from..stretches.end.min(end.div_ceil(STRETCH_LEN)))
                .map(move |stretch| step(member, stretch, rows.clone(), false))
        });
        together.chain(apart)
    }

    /// Bands within each member.
    #[inline(always)]
    fn own_bands<S: Simd>(&self) -> impl Iterator<Item = Band> {
        let mut row = 0;
        self.members.iter().flat_map(move |member| {
            let rows = row..row + member.queries * self.piece.heads;
            row = rows.end;
            bands::<S>(&rows)
        })
    }

    /// Whether a row sees something of a section, and whether it is the first one.
    #[inline(always)]
    fn sees(&self, row: usize, section: usize) -> Option<bool> {
        let first = self.unseen(row) / SECTION;
        (first..self.context(row).div_ceil(SECTION))
            .contains(&section)
            .then_some(first == section)
    }

    /// Keeps the results of the section that was computed last.
    ///
    /// # Safety
    /// Nobody else has these parts.
    #[inline(always)]
    unsafe fn put(&self, part: Part, section: &Sums) {
        for row in 0..self.rows {
            // SAFETY: the caller's word.
            let (state, vectors) = unsafe { self.all.parts.row(part, row) };
            *state = section.states[row];
            vectors.copy_from_slice(section.row(row));
        }
    }

    /// Writes the rows' results out.
    ///
    /// # Safety
    /// Nobody else has these rows and heads of `out`.
    #[inline(always)]
    unsafe fn end<S: Simd>(&self, s: S, whole: &Sums) {
        for row in 0..self.rows {
            let factor = 1.0 / s.sum_lanes(s.load(&whole.states[row].sums));
            let (start, len) = (self.places[row], self.all.cache.head_dim());
            // SAFETY: the caller's word.
            let out = unsafe { self.all.out.part(start, len) };
            for (out, value) in out.iter_mut().zip(whole.row(row).as_flattened()) {
                *out = *value * factor;
            }
        }
    }

    pub(super) fn cache(&self) -> &'a KvLayer {
        self.all.cache
    }

    pub(super) fn kv_head(&self) -> usize {
        self.piece.kv_head
    }

    /// What a row sees of the stretch at `start`: from the first of these positions up to the second.
    #[inline(always)]
    pub(super) fn seen(&self, row: usize, start: usize) -> (usize, usize) {
        let from = self.unseen(row).saturating_sub(start);
        (
            from,
            STRETCH_LEN.min(self.context(row).saturating_sub(start)),
        )
    }

    /// A row's query.
    #[inline(always)]
    fn query(&self, row: usize) -> &'a [f32] {
        &self.all.q[self.places[row]..][..self.all.cache.head_dim()]
    }

    /// Positions up to a row's own.
    #[inline(always)]
    fn context(&self, row: usize) -> usize {
        self.contexts[row]
    }

    /// How many of them, the first ones, lie before the row's window.
    #[inline(always)]
    fn unseen(&self, row: usize) -> usize {
        self.context(row).saturating_sub(self.all.cache.window())
    }
}

/// How rows are computed together.
#[inline(always)]
pub(super) fn bands<S: Simd>(rows: &Range<usize>) -> impl Iterator<Item = Band> + use<S> {
    let first = rows.start;
    Band::all(rows.len(), S::ATTENTION_ROWS).map(move |band| Band {
        row: first + band.row,
        ..band
    })
}
