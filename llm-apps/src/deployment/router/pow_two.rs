//! Power of two choices (Mitzenmacher, 2001): of two replicas drawn at random, the less loaded one.

use crate::deployment::ReplicaId;
use crate::stage::Call;

use super::traits::{Candidate, RequestRouter};

/// The default router: nearly as even as the least loaded, and it never herds.
#[derive(Debug, Clone)]
pub struct PowerOfTwoChoices {
    state: u64,
}

impl PowerOfTwoChoices {
    /// Draws follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// `SplitMix64` (Steele, Lea and Flood, 2014).
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Evenly from 0 to `bound - 1`, to within a bias that no count of replicas shows.
    fn below(&mut self, bound: usize) -> usize {
        let wide = u128::from(self.draw()) * bound as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }
}

impl RequestRouter for PowerOfTwoChoices {
    fn choose(&mut self, candidates: &[Candidate], _: &Call) -> Option<usize> {
        let len = candidates.len();
        if len <= 1 {
            return (len == 1).then_some(0);
        }
        let one = self.below(len);
        // Another one: the rest, seen from the one behind it.
        let other = (one + 1 + self.below(len - 1)) % len;
        let lighter = candidates[other].ongoing < candidates[one].ongoing;
        Some(if lighter { other } else { one })
    }

    fn forget(&mut self, _: ReplicaId) {}
}
