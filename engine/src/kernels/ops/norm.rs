//! Root mean square norm (Zhang and Sennrich, 2019), with the residual sum before it.

#![expect(unsafe_code, reason = "rows are written by several threads")]

use super::source::{Source, Vectors, store};
use crate::kernels::disjoint::Disjoint;
use crate::kernels::simd::Simd;

/// Rows of a residual stream, normed: `x / sqrt(mean(x^2) + eps) * weight`.
#[derive(Debug)]
pub struct NormedRows<'a> {
    /// The stream, rows of `weight.len()` values; `added` is added to it.
    pub stream: &'a mut [f32],
    /// What is added to the stream first.
    pub added: Option<AddedRows<'a>>,
    /// One factor a value.
    pub weight: &'a [f32],
    /// Keeps the root from being zero.
    pub eps: f32,
}

/// What a block adds to the stream.
#[derive(Debug, Clone, Copy)]
pub struct AddedRows<'a> {
    /// As many rows as the stream.
    pub rows: &'a [f32],
    /// The weight of a norm over these rows, before they are added.
    pub norm: Option<&'a [f32]>,
}

/// [`NormedRows`] for several threads.
pub(in crate::kernels) struct Normed<'a> {
    stream: Disjoint<'a, f32>,
    added: Option<AddedRows<'a>>,
    weight: &'a [f32],
    eps: f32,
}

impl<'a> Normed<'a> {
    /// # Panics
    /// When the stream is not whole rows, or what is added is of another shape.
    pub(in crate::kernels) fn new(rows: NormedRows<'a>) -> Self {
        let NormedRows {
            stream,
            added,
            weight,
            eps,
        } = rows;
        let (values, width) = (stream.len(), weight.len());
        assert!(
            width > 0 && values.is_multiple_of(width),
            "{values} values of {width}"
        );
        if let Some(added) = &added {
            assert_eq!(added.rows.len(), values, "values added to a stream");
            let norm = added.norm.map_or(width, <[f32]>::len);
            assert_eq!(norm, width, "weights of a norm of what is added");
        }
        Self {
            stream: Disjoint::new(stream),
            added,
            weight,
            eps,
        }
    }
}

/// A row of the stream on its way through the norm.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct NormedRow<'a> {
    x: Vectors<'a>,
    weight: Vectors<'a>,
    factor: f32,
}

impl Source for Normed<'_> {
    type Row<'r>
        = NormedRow<'r>
    where
        Self: 'r;

    fn width(&self) -> usize {
        self.weight.len()
    }

    #[inline(always)]
    unsafe fn begin<S: Simd>(&self, s: S, index: usize) -> NormedRow<'_> {
        let width = self.weight.len();
        // SAFETY: a row is begun once, by one thread.
        let row = unsafe { self.stream.part(index * width, width) };
        let squares = match self.added {
            None => square_sum(s, Vectors::of(row)),
            Some(AddedRows { rows, norm }) => {
                let added = Vectors::of(&rows[index * width..][..width]);
                match norm {
                    None => add(s, row, added),
                    Some(norm) => {
                        let added = NormedRow {
                            x: added,
                            weight: Vectors::of(norm),
                            factor: factor(square_sum(s, added), width, self.eps),
                        };
                        add_normed(s, row, added)
                    }
                }
            }
        };
        NormedRow {
            x: Vectors::of(row),
            weight: Vectors::of(self.weight),
            factor: factor(squares, width, self.eps),
        }
    }

    #[inline(always)]
    fn vector<S: Simd>(s: S, row: NormedRow<'_>, index: usize) -> S::F {
        row.load(s, index)
    }
}

impl NormedRow<'_> {
    #[inline(always)]
    fn load<S: Simd>(self, s: S, index: usize) -> S::F {
        let x = s.mul(self.x.load(s, index), s.splat(self.factor));
        s.mul(x, self.weight.load(s, index))
    }
}

/// Norms a short row where it lies.
#[inline(always)]
pub(in crate::kernels) fn norm_in_place<S: Simd>(s: S, row: &mut [f32], weight: &[f32], eps: f32) {
    let factor = factor(square_sum(s, Vectors::of(row)), weight.len(), eps);
    for (x, weight) in row.iter_mut().zip(weight) {
        *x = *x * factor * weight;
    }
}

/// Adds to a row; the sum of the squares of what it is then.
#[inline(always)]
fn add<S: Simd>(s: S, row: &mut [f32], added: Vectors<'_>) -> f32 {
    let mut squares = s.splat(0.0);
    for index in 0..added.count() {
        let x = s.add(Vectors::of(row).load(s, index), added.load(s, index));
        store(s, x, index, row);
        squares = s.mul_add(x, x, squares);
    }
    s.sum_lanes(squares)
}

/// The same with a norm over what is added.
#[inline(always)]
fn add_normed<S: Simd>(s: S, row: &mut [f32], added: NormedRow<'_>) -> f32 {
    let mut squares = s.splat(0.0);
    for index in 0..added.x.count() {
        let x = s.add(Vectors::of(row).load(s, index), added.load(s, index));
        store(s, x, index, row);
        squares = s.mul_add(x, x, squares);
    }
    s.sum_lanes(squares)
}

#[inline(always)]
fn square_sum<S: Simd>(s: S, x: Vectors<'_>) -> f32 {
    let mut squares = s.splat(0.0);
    for index in 0..x.count() {
        let v = x.load(s, index);
        squares = s.mul_add(v, v, squares);
    }
    s.sum_lanes(squares)
}

#[inline(always)]
#[expect(clippy::cast_precision_loss, reason = "widths are far below 2^24")]
fn factor(square_sum: f32, width: usize, eps: f32) -> f32 {
    1.0 / (square_sum / width as f32 + eps).sqrt()
}
