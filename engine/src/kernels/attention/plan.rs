//! How a call's spans are cut for the threads: pieces, their sections, and chunks of these.
//!
//! A piece is rows that read the same keys. It walks its context alone where there are pieces
//! enough; one that is a large share of all work is cut into its sections (flash-decoding: Dao et
//! al., 2023), whose results are merged in their order, as within one walk. So no cut shows in a
//! result.

use std::ops::Range;

use super::prefix::{Group, Groups};
use super::section::{Part, SECTION};
use super::span::{AttentionSpan, Spans};
use super::stretch::STRETCH_LEN;
use crate::kernels::Kernels;
use crate::kernels::simd::{Kernel, Simd, dispatch};

/// Query rows (a query of one head each) that a piece has at most.
pub(super) const PIECE_ROWS: usize = 32;

/// Some queries of a span.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) span: usize,
    pub(super) first_query: usize,
    pub(super) queries: usize,
}

/// Some queries of one or several spans, some heads of one KV head; at most [`PIECE_ROWS`] rows.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// Whose queries, in [`AttentionPlan::members`].
    pub(super) members: Range<usize>,
    /// Stretches, the first ones, that all members have in the same blocks; 0 for one member.
    pub(super) shared: usize,
    pub(super) kv_head: usize,
    pub(super) first_head: usize,
    pub(super) heads: usize,
}

/// What one thread does at a time: a piece, or a section of it.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) piece: usize,
    pub(super) sections: Range<usize>,
    /// Where the results of a section go; `None` for a whole piece.
    pub(super) part: Option<Part>,
}

/// A piece whose sections are apart.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    pub(super) piece: usize,
    pub(super) sections: Range<usize>,
    /// The results of its first section.
    pub(super) part: Part,
}

/// What the layers are like that a plan serves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AttentionShape {
    /// Query heads.
    pub heads: usize,
    /// Heads that have keys and values; the query heads are a multiple.
    pub kv_heads: usize,
    /// Positions that a query sees at most, its own among them; `usize::MAX` for all.
    pub window: usize,
}

/// How attention of some spans is computed, in every layer of one shape. It holds the spans, and
/// its memory serves the next ones.
#[derive(Debug, Default)]
pub struct AttentionPlan {
    pub(super) shape: AttentionShape,
    pub(super) spans: Spans,
    pub(super) members: Vec<Member>,
    pub(super) pieces: Vec<Piece>,
    pub(super) tasks: Vec<Task>,
    /// Tasks that a thread claims together.
    pub(super) chunks: Vec<Range<usize>>,
    pub(super) cuts: Vec<Cut>,
    /// Rows of all sections that are apart.
    pub(super) part_rows: usize,
    groups: Groups,
    /// The way of each piece.
    walks: Vec<Walked>,
}

/// What a plan is made for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Machine {
    pub(super) threads: usize,
    /// Query rows that the registers hold at once.
    pub(super) register_rows: usize,
}

/// How many registers' worth of query rows read a stretch while it is in the first cache.
const QUERY_REUSE: usize = 6;
/// Converting a stretch costs about as much as the products of so many rows with it.
const STRETCH_ROWS: usize = 4;
/// Pieces that are more than this part of a thread's share of the work are cut into sections.
const PIECES_PER_THREAD: usize = 4;
/// Chunks that a thread's share of the work is cut into.
const CHUNKS_PER_THREAD: usize = 8;

impl AttentionPlan {
    /// Plans attention of other spans, for the threads and instructions of `kernels`.
    ///
    /// # Panics
    /// When the heads are not a multiple of the KV heads, or spans are not in ascending order of
    /// their rows, overlap, or have too few blocks.
    pub fn set<'s>(
        &mut self,
        kernels: &Kernels,
        shape: AttentionShape,
        spans: impl IntoIterator<Item = AttentionSpan<'s>>,
    ) {
        let machine = Machine {
            threads: kernels.threads(),
            register_rows: dispatch(kernels.isa(), RegisterRows),
        };
        self.cut(machine, shape, spans);
    }

    fn cut<'s>(
        &mut self,
        machine: Machine,
        shape: AttentionShape,
        spans: impl IntoIterator<Item = AttentionSpan<'s>>,
    ) {
        self.clear();
        let AttentionShape {
            heads, kv_heads, ..
        } = shape;
        assert!(
            heads > 0 && kv_heads > 0 && heads.is_multiple_of(kv_heads),
            "{heads} query heads share {kv_heads} KV heads"
        );
        self.shape = shape;
        self.spans.set(spans);
        self.cut_rows(machine);
        self.cut_walks(machine.threads);
    }

    /// Nothing of the plan before is left, whatever becomes of the next.
    fn clear(&mut self) {
        self.spans.set([]);
        self.members.clear();
        self.pieces.clear();
        self.tasks.clear();
        self.chunks.clear();
        self.cuts.clear();
        self.part_rows = 0;
    }

    /// Pieces of a size that keeps the registers full; smaller ones where there are too few.
    fn cut_rows(&mut self, machine: Machine) {
        let (spans, kv_heads) = (&self.spans, self.shape.kv_heads);
        let group = self.shape.heads / kv_heads;
        let rows = PIECE_ROWS.min(machine.register_rows * QUERY_REUSE);
        let whole: usize = spans.iter().map(|span| span.q_len * kv_heads).sum();
        // Too few pieces for the threads: the heads of a group go apart.
        let parts = machine.threads.div_ceil(whole.max(1)).min(group);
        let head_step = group.div_ceil(parts).min(rows);
        let query_step = rows / head_step;
        // Threads without work cost more than what is read twice.
        let sections =
            |span: AttentionSpan<'_>| (span.context_start + span.q_len).div_ceil(SECTION);
        let sections = spans.iter().map(sections).sum::<usize>() * kv_heads;
        let most = query_step.min(sections / machine.threads);
        self.groups.find(spans, most);
        for Group { spans: of, shared } in &self.groups.groups {
            let of = &self.groups.order[of.clone()];
            let steps = match of {
                [span] => spans.get(*span).q_len.div_ceil(query_step),
                _ => 1,
            };
            for first_query in (0..steps).map(|step| step * query_step) {
                let start = self.members.len();
                self.members.extend(of.iter().map(|&span| Member {
                    span,
                    first_query,
                    queries: query_step.min(spans.get(span).q_len - first_query),
                }));
                for kv_head in 0..kv_heads {
                    for head in (0..group).step_by(head_step) {
                        self.pieces.push(Piece {
                            members: start..self.members.len(),
                            shared: *shared,
                            kv_head,
                            first_head: kv_head * group + head,
                            heads: head_step.min(group - head),
                        });
                    }
                }
            }
        }
        // Later queries have longer contexts: they go first, so that no thread ends alone with one.
        self.pieces.reverse();
    }

    /// Tasks of the pieces, chunks of the tasks.
    fn cut_walks(&mut self, threads: usize) {
        let window = self.shape.window;
        self.walks.clear();
        self.walks.extend(self.pieces.iter().map(|piece| {
            let members = &self.members[piece.members.clone()];
            Walked::of(piece, members, window, &self.spans)
        }));
        let total: usize = self.walks.iter().map(|walk| walk.cost).sum();
        let long = match threads {
            1 => usize::MAX,
            _ => total / (threads * PIECES_PER_THREAD),
        };
        let chunk = total / (threads * CHUNKS_PER_THREAD);
        let mut begun = None;
        for (piece, walk) in self.walks.iter().enumerate() {
            let sections = walk.sections.clone();
            if walk.cost <= long || sections.len() < 2 {
                self.tasks.push(Task {
                    piece,
                    sections,
                    part: None,
                });
                let (start, cost) = begun.unwrap_or((self.tasks.len() - 1, 0));
                begun = Some((start, cost + walk.cost));
                if cost + walk.cost >= chunk {
                    begun = None;
                    self.chunks.push(start..self.tasks.len());
                }
                continue;
            }
            if let Some((start, _)) = begun.take() {
                self.chunks.push(start..self.tasks.len());
            }
            self.cuts.push(Cut {
                piece,
                sections: sections.clone(),
                part: Part(self.part_rows),
            });
            for section in sections {
                self.chunks.push(self.tasks.len()..self.tasks.len() + 1);
                self.tasks.push(Task {
                    piece,
                    sections: section..section + 1,
                    part: Some(Part(self.part_rows)),
                });
                self.part_rows += walk.rows;
            }
        }
        if let Some((start, _)) = begun {
            self.chunks.push(start..self.tasks.len());
        }
    }
}

/// Asks an instruction set for its rows.
struct RegisterRows;

impl Kernel for RegisterRows {
    type Output = usize;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> usize {
        S::ATTENTION_ROWS
    }
}

/// The way of a piece.
#[derive(Debug)]
struct Walked {
    rows: usize,
    sections: Range<usize>,
    /// In rows of a stretch, about.
    cost: usize,
}

impl Walked {
    fn of(piece: &Piece, members: &[Member], window: usize, spans: &Spans) -> Self {
        let (mut rows, mut cost) = (0, 0);
        let (mut first, mut end) = (usize::MAX, 0);
        for member in members {
            let context = spans.get(member.span).context_start + member.first_query;
            let own = member.queries * piece.heads;
            let seen = (context + 1).saturating_sub(window);
            let stretches = (context + member.queries).div_ceil(STRETCH_LEN);
            cost += stretches.saturating_sub(piece.shared.max(seen / STRETCH_LEN))
                * (own + STRETCH_ROWS);
            rows += own;
            first = first.min(seen);
            end = end.max(context + member.queries);
        }
        cost += piece.shared.saturating_sub(first / STRETCH_LEN) * (rows + STRETCH_ROWS);
        Self {
            rows,
            sections: first / SECTION..end.div_ceil(SECTION),
            cost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BlockId;

    const TWO: Machine = Machine {
        threads: 2,
        register_rows: 4,
    };

    /// A plan for one query after each context, with 9 heads on 3 KV heads.
    fn decode(machine: Machine, contexts: &[usize], window: usize) -> AttentionPlan {
        let most = contexts.iter().max().map_or(0, |context| context / 16 + 1);
        let next = &mut 0;
        let tables: Vec<Vec<BlockId>> = contexts
            .iter()
            .map(|_| {
                *next += 1;
                vec![BlockId(*next); most]
            })
            .collect();
        let spans = contexts
            .iter()
            .zip(&tables)
            .enumerate()
            .map(|(index, (context, table))| AttentionSpan {
                q_start: index,
                q_len: 1,
                context_start: *context,
                block_table: table,
            });
        let shape = AttentionShape {
            heads: 9,
            kv_heads: 3,
            window,
        };
        let mut plan = AttentionPlan::default();
        // Another one first, of which nothing may be left.
        plan.cut(machine, shape, spans.clone().take(1));
        plan.cut(machine, shape, spans);
        let chunked: Vec<usize> = plan.chunks.iter().cloned().flatten().collect();
        assert_eq!(
            chunked,
            Vec::from_iter(0..plan.tasks.len()),
            "each task once"
        );
        plan
    }

    #[test]
    fn a_long_context_is_cut_where_it_leaves_threads_idle() {
        let plan = decode(TWO, &[1800], usize::MAX);
        assert_eq!((plan.pieces.len(), plan.tasks.len()), (3, 3 * 4));
        assert_eq!((plan.cuts.len(), plan.part_rows), (3, 3 * 4 * 3));
        let one = Machine { threads: 1, ..TWO };
        assert!(decode(one, &[1800], usize::MAX).cuts.is_empty());
        assert!(decode(TWO, &[1800; 8], usize::MAX).cuts.is_empty());
    }

    #[test]
    fn the_long_one_among_short_ones_is_cut() {
        let plan = decode(TWO, &[100, 100, 8000, 100], usize::MAX);
        let mut cut: Vec<usize> = plan
            .cuts
            .iter()
            .map(|cut| plan.members[plan.pieces[cut.piece].members.start].span)
            .collect();
        cut.dedup();
        assert_eq!(cut, [2]);
    }

    #[test]
    fn what_no_row_sees_is_not_planned() {
        let plan = decode(TWO, &[1800], 700);
        let sections: Vec<_> = plan.cuts.iter().map(|cut| cut.sections.clone()).collect();
        assert_eq!(sections, [2..4, 2..4, 2..4]);
    }
}
