//! Residual sums and biases.

#![expect(unsafe_code, reason = "rows are written by several threads")]

use super::{SERIAL_VALUES, least_rows};
use crate::kernels::Kernels;
use crate::kernels::disjoint::Disjoint;
use crate::kernels::simd::{Kernel, Simd};

impl Kernels {
    /// `x[i] += y[i]`.
    ///
    /// # Panics
    /// When the slices differ in length.
    pub fn add_assign(&self, x: &mut [f32], y: &[f32]) {
        assert_eq!(x.len(), y.len(), "terms of a sum");
        let values = x.len();
        let x = Disjoint::new(x);
        self.run_items(values, SERIAL_VALUES, |start, len| Add {
            // SAFETY: each item is in one chunk.
            x: unsafe { x.part(start, len) },
            y: &y[start..start + len],
        });
    }

    /// Adds `bias` to each row of `x`.
    ///
    /// # Panics
    /// When `x` is not whole rows of `bias.len()` values.
    pub fn add_bias(&self, x: &mut [f32], bias: &[f32]) {
        let width = bias.len();
        assert!(
            width > 0 && x.len().is_multiple_of(width),
            "{} values of {width}",
            x.len()
        );
        let rows = x.len() / width;
        let x = Disjoint::new(x);
        self.run_items(rows, least_rows(width), |start, len| Add {
            // SAFETY: each row is in one chunk.
            x: unsafe { x.part(start * width, len * width) },
            y: bias,
        });
    }
}

/// Adds `y` to each stretch of `x` of its length.
struct Add<'a> {
    x: &'a mut [f32],
    y: &'a [f32],
}

impl Kernel for Add<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for x in self.x.chunks_exact_mut(self.y.len().max(1)) {
            for (x, y) in x.iter_mut().zip(self.y) {
                *x += *y;
            }
        }
    }
}
