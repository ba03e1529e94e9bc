//! Plain loops, compiled for the widest registers of the processor.

use super::dispatch::{Kernel, best_isa, dispatch};
use super::lanes::Simd;

/// A loop over plain numbers that a compiler turns into vector code by itself. Plain Rust is rounded
/// operation by operation on every instruction set, so the width changes no bit.
///
/// `run` and all that it calls must be `#[inline(always)]`: what is not inlined is compiled for the
/// narrowest registers.
pub(crate) trait PlainLoop {
    /// What the loop finds.
    type Output;
    /// The loop.
    fn run(self) -> Self::Output;
}

/// Runs a loop in the widest registers that there are.
pub(crate) fn widest<L: PlainLoop>(plain: L) -> L::Output {
    dispatch(best_isa(), Widest(plain))
}

struct Widest<L>(L);

impl<L: PlainLoop> Kernel for Widest<L> {
    type Output = L::Output;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> L::Output {
        self.0.run()
    }
}
