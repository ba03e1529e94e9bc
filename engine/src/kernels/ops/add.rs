//! Biases.

#![expect(unsafe_code, reason = "rows are written by several threads")]

use super::least_rows;
use crate::kernels::Kernels;
use crate::kernels::disjoint::Disjoint;
use crate::kernels::simd::{Kernel, Simd};

impl Kernels {
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
        self.run_items(rows, least_rows(width), |start, len| AddBias {
            // SAFETY: each row is in one chunk.
            x: unsafe { x.part(start * width, len * width) },
            bias,
        });
    }
}

/// Adds the bias to each row.
struct AddBias<'a> {
    x: &'a mut [f32],
    bias: &'a [f32],
}

impl Kernel for AddBias<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for x in self.x.chunks_exact_mut(self.bias.len().max(1)) {
            for (x, bias) in x.iter_mut().zip(self.bias) {
                *x += *bias;
            }
        }
    }
}
