//! The gated activation of Llama's feed-forward layers (Shazeer, 2020).

#![expect(unsafe_code, reason = "rows are written by several threads")]

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
        assert!(
            ffn > 0 && gate_up.len().is_multiple_of(2 * ffn),
            "{} values of 2 x {ffn}",
            gate_up.len()
        );
        assert_eq!(gate_up.len(), 2 * out.len(), "gates and outputs");
        let rows = out.len() / ffn;
        let out = Disjoint::new(out);
        self.run_items(rows, least_rows(2 * ffn), |start, len| SwiGlu {
            gate_up: &gate_up[start * 2 * ffn..(start + len) * 2 * ffn],
            ffn,
            // SAFETY: each row is in one chunk.
            out: unsafe { out.part(start * ffn, len * ffn) },
        });
    }
}

struct SwiGlu<'a> {
    gate_up: &'a [f32],
    ffn: usize,
    out: &'a mut [f32],
}

impl Kernel for SwiGlu<'_> {
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
                gated(s, gate, up, out);
            }
            let mut last = [0.0; LANES];
            gated(s, &padded(gate_rest), &padded(up_rest), &mut last);
            out_rest.copy_from_slice(&last[..out_rest.len()]);
        }
    }
}

#[inline(always)]
fn gated<S: Simd>(s: S, gate: &[f32; LANES], up: &[f32; LANES], out: &mut [f32; LANES]) {
    let gate = s.load(gate);
    let denominator = s.add(s.splat(1.0), exp(s, s.sub(s.splat(0.0), gate)));
    s.store(s.mul(s.div(gate, denominator), s.load(up)), out);
}
