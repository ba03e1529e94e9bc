//! How often guesses were right lately.

/// Share of a new outcome in the running mean: some eight outcomes are remembered.
const WEIGHT: f64 = 0.125;
/// What is thought of guesses before there were any.
const UNKNOWN: f64 = 0.5;

/// The chance that a guessed token is right, given that those before it were: a running mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Acceptance(f64);

impl Acceptance {
    /// Nothing was guessed yet.
    pub(super) const fn unknown() -> Self {
        Self(UNKNOWN)
    }

    /// From 0 to 1.
    pub(super) fn chance(self) -> f64 {
        self.0
    }

    /// Takes in one outcome: `accepted` guesses were right, and the next was wrong or was none.
    pub(super) fn learn(&mut self, accepted: usize, then_wrong: bool) {
        for _ in 0..accepted {
            self.0 += WEIGHT * (1.0 - self.0);
        }
        if then_wrong {
            self.0 -= WEIGHT * self.0;
        }
    }
}
