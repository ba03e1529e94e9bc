//! The gated activations of feed-forward layers (Shazeer, 2020).

#![expect(unsafe_code, reason = "rows are written by several threads")]

use std::marker::PhantomData;

use super::least_rows;
use crate::kernels::Kernels;
use crate::kernels::disjoint::Disjoint;
use crate::kernels::simd::{Kernel, LANES, Simd, exp, padded};

impl Kernels {
    /// `out = silu(gate) * up`, silu(g) = g / (1 + e^-g); a row of `gate_up` is `ffn` values of
    /// gate, then `ffn` of up.
    ///
    /// # Panics
    /// When `gate_up` is not whole rows, or `out` not half as long.
    pub fn swiglu(&self, gate_up: &[f32], ffn: usize, out: &mut [f32]) {
        self.gated::<Silu>(gate_up, ffn, out);
    }

    /// `out = gelu(gate) * up`, with the approximation of GELU by a hyperbolic tangent (Hendrycks and
    /// Gimpel, 2016): gelu(g) = g / 2 (1 + tanh u) = g / (1 + e^-2u), u = sqrt(2 / pi) (g + 0.044715
    /// g^3). Rows as in [`Kernels::swiglu`].
    ///
    /// # Panics
    /// When `gate_up` is not whole rows, or `out` not half as long.
    pub fn geglu(&self, gate_up: &[f32], ffn: usize, out: &mut [f32]) {
        self.gated::<Gelu>(gate_up, ffn, out);
    }

    fn gated<G: Gate>(&self, gate_up: &[f32], ffn: usize, out: &mut [f32]) {
        assert!(
            ffn > 0 && gate_up.len().is_multiple_of(2 * ffn),
            "{} values of 2 x {ffn}",
            gate_up.len()
        );
        assert_eq!(gate_up.len(), 2 * out.len(), "gates and outputs");
        let rows = out.len() / ffn;
        let out = Disjoint::new(out);
        self.run_items(rows, least_rows(2 * ffn), |start, len| Gated::<G> {
            gate_up: &gate_up[start * 2 * ffn..(start + len) * 2 * ffn],
            ffn,
            // SAFETY: each row is in one chunk.
            out: unsafe { out.part(start * ffn, len * ffn) },
            gate: PhantomData,
        });
    }
}

/// Activations of the form g sigmoid(f(g)) differ in f.
trait Gate {
    /// -f(g).
    fn exponent<S: Simd>(s: S, gate: S::F) -> S::F;
}

struct Silu;
struct Gelu;

impl Gate for Silu {
    #[inline(always)]
    fn exponent<S: Simd>(s: S, gate: S::F) -> S::F {
        s.sub(s.splat(0.0), gate)
    }
}

impl Gate for Gelu {
    #[inline(always)]
    fn exponent<S: Simd>(s: S, gate: S::F) -> S::F {
        // -2 sqrt(2 / pi), and that times 0.044715.
        const LINEAR: f32 = -1.595_769_2;
        const CUBIC: f32 = -0.071_354_82;
        let factor = s.mul_add(s.mul(gate, gate), s.splat(CUBIC), s.splat(LINEAR));
        s.mul(gate, factor)
    }
}

struct Gated<'a, G> {
    gate_up: &'a [f32],
    ffn: usize,
    out: &'a mut [f32],
    gate: PhantomData<G>,
}

impl<G: Gate> Kernel for Gated<'_, G> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let rows = self.gate_up.chunks_exact(2 * self.ffn);
        for (row, out) in rows.zip(self.out.chunks_exact_mut(self.ffn)) {
            let (gate, up) = row.split_at(self.ffn);
            let (gates, gate_rest) = gate.as_chunks::<LANES>();
            let (ups, up_rest) = up.as_chunks::<LANES>();
            let (outs, out_rest) = out.as_chunks_mut::<LANES>();
            for ((gate, up), out) in gates.iter().zip(ups).zip(outs) {
                gated::<S, G>(s, gate, up, out);
            }
            let mut last = [0.0; LANES];
            gated::<S, G>(s, &padded(gate_rest), &padded(up_rest), &mut last);
            out_rest.copy_from_slice(&last[..out_rest.len()]);
        }
    }
}

#[inline(always)]
fn gated<S: Simd, G: Gate>(s: S, gate: &[f32; LANES], up: &[f32; LANES], out: &mut [f32; LANES]) {
    let gate = s.load(gate);
    let denominator = s.add(s.splat(1.0), exp(s, G::exponent(s, gate)));
    s.store(s.mul(s.div(gate, denominator), s.load(up)), out);
}
