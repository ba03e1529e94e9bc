//! The gated activations of feed-forward layers (Shazeer, 2020).

#![expect(
    unsafe_code,
    reason = "beginning a row may write to it; here it does not"
)]

use std::marker::PhantomData;

use super::source::{Source, Vectors};
use crate::kernels::simd::{Simd, exp};

/// Rows of `gate(g) * u`; a row of `gate_up` is all the g, then all the u.
#[derive(Debug, Clone, Copy)]
pub struct GatedRows<'a> {
    /// Rows of twice the width.
    pub gate_up: &'a [f32],
    /// The activation.
    pub gate: Gate,
}

/// An activation of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// silu(g) = g / (1 + e^-g).
    Silu,
    /// GELU with its approximation by a hyperbolic tangent (Hendrycks and Gimpel, 2016): gelu(g) =
    /// g / 2 (1 + tanh u) = g / (1 + e^-2u), u = sqrt(2 / pi) (g + 0.044715 g^3).
    GeluTanh,
}

/// [`GatedRows`] by an activation that is known when it is compiled.
#[derive(Debug)]
pub(in crate::kernels) struct Gated<'a, G> {
    gate_up: &'a [f32],
    width: usize,
    gate: PhantomData<G>,
}

impl<'a, G> Gated<'a, G> {
    /// # Panics
    /// When `gate_up` is not rows of twice the width.
    pub(in crate::kernels) fn new(gate_up: &'a [f32], width: usize) -> Self {
        assert!(
            width > 0 && gate_up.len().is_multiple_of(2 * width),
            "{} values of 2 x {width}",
            gate_up.len()
        );
        Self {
            gate_up,
            width,
            gate: PhantomData,
        }
    }
}

impl<G: Activation> Source for Gated<'_, G> {
    type Row<'r>
        = [Vectors<'r>; 2]
    where
        Self: 'r;

    fn width(&self) -> usize {
        self.width
    }

    #[inline(always)]
    unsafe fn begin<S: Simd>(&self, _: S, index: usize) -> [Vectors<'_>; 2] {
        let row = &self.gate_up[index * 2 * self.width..][..2 * self.width];
        let (gate, up) = row.split_at(self.width);
        [Vectors::of(gate), Vectors::of(up)]
    }

    #[inline(always)]
    fn vector<S: Simd>(s: S, [gate, up]: [Vectors<'_>; 2], index: usize) -> S::F {
        let gate = gate.load(s, index);
        let denominator = s.add(s.splat(1.0), exp(s, G::exponent(s, gate)));
        s.mul(s.div(gate, denominator), up.load(s, index))
    }
}

/// Activations of the form g sigmoid(f(g)) differ in f.
pub(in crate::kernels) trait Activation: Sync {
    /// -f(g).
    fn exponent<S: Simd>(s: S, gate: S::F) -> S::F;
}

/// [`Gate::Silu`].
pub(in crate::kernels) struct Silu;
/// [`Gate::GeluTanh`].
pub(in crate::kernels) struct GeluTanh;

impl Activation for Silu {
    #[inline(always)]
    fn exponent<S: Simd>(s: S, gate: S::F) -> S::F {
        s.sub(s.splat(0.0), gate)
    }
}

impl Activation for GeluTanh {
    #[inline(always)]
    fn exponent<S: Simd>(s: S, gate: S::F) -> S::F {
        // -2 sqrt(2 / pi), and that times 0.044715.
        const LINEAR: f32 = -1.595_769_2;
        const CUBIC: f32 = -0.071_354_82;
        let factor = s.mul_add(s.mul(gate, gate), s.splat(CUBIC), s.splat(LINEAR));
        s.mul(gate, factor)
    }
}
