//! Root mean square norm (Zhang and Sennrich, 2019).

#![expect(unsafe_code, reason = "rows are written by several threads")]

use super::least_rows;
use crate::kernels::Kernels;
use crate::kernels::disjoint::Disjoint;
use crate::kernels::simd::{Kernel, LANES, Simd, padded};

impl Kernels {
    /// `out = x / sqrt(mean(x^2) + eps) * weight` for each row of `weight.len()` values.
    ///
    /// # Panics
    /// When `x` is not whole rows, or `out` not as long.
    pub fn rms_norm(&self, x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
        let width = weight.len();
        assert!(
            width > 0 && x.len().is_multiple_of(width),
            "{} values of {width}",
            x.len()
        );
        assert_eq!(x.len(), out.len(), "outputs of a norm");
        let out = Disjoint::new(out);
        self.run_items(x.len() / width, least_rows(width), |start, len| RmsNorm {
            x: &x[start * width..(start + len) * width],
            weight,
            eps,
            // SAFETY: each row is in one chunk.
            out: unsafe { out.part(start * width, len * width) },
        });
    }
}

struct RmsNorm<'a> {
    x: &'a [f32],
    weight: &'a [f32],
    eps: f32,
    out: &'a mut [f32],
}

impl Kernel for RmsNorm<'_> {
    type Output = ();
    #[inline(always)]
    #[expect(clippy::cast_precision_loss, reason = "widths are far below 2^24")]
    fn run<S: Simd>(self, s: S) {
        let width = self.weight.len();
        for (x, out) in self
            .x
            .chunks_exact(width)
            .zip(self.out.chunks_exact_mut(width))
        {
            let mean = square_sum(s, x) / width as f32;
            let factor = 1.0 / (mean + self.eps).sqrt();
            for ((out, x), weight) in out.iter_mut().zip(x).zip(self.weight) {
                *out = x * factor * weight;
            }
        }
    }
}

#[inline(always)]
fn square_sum<S: Simd>(s: S, x: &[f32]) -> f32 {
    let (vectors, rest) = x.as_chunks::<LANES>();
    let mut sum = s.splat(0.0);
    for vector in vectors {
        let v = s.load(vector);
        sum = s.mul_add(v, v, sum);
    }
    let v = s.load(&padded(rest));
    s.sum_lanes(s.mul_add(v, v, sum))
}
