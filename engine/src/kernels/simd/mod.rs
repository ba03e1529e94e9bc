//! Sixteen lanes at a time, written once and compiled for each instruction set.
//!
//! A kernel is a value that implements [`Kernel`]: its `run` is generic over [`Simd`] and
//! `#[inline(always)]`, and [`dispatch`] calls it inside a function that has the instructions
//! enabled. Every operation of `Simd` gives the same bits on every instruction set, so a kernel
//! does too (E9).

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod dispatch;
mod lanes;
mod math;
mod portable;
#[cfg(test)]
mod tests;
mod widest;

pub(super) use dispatch::{Kernel, best_isa, dispatch};
pub(super) use lanes::{InputGroup, LANES, Simd};
pub(super) use math::{exp, padded};
pub(crate) use widest::{PlainLoop, widest};
