//! The least loaded replica; of equals, each in turn.

use crate::stage::Call;

use super::traits::{Candidate, RequestRouter};

/// Exact, since the deployment knows every load at the moment of choosing.
#[derive(Debug, Clone, Default)]
pub struct LeastLoaded {
    turn: usize,
}

impl RequestRouter for LeastLoaded {
    fn choose(&mut self, candidates: &[Candidate], _: &Call) -> Option<usize> {
        let len = candidates.len();
        let first = self.turn.checked_rem(len)?;
        self.turn = self.turn.wrapping_add(1);
        let in_turn = (0..len).map(|step| (first + step) % len);
        in_turn.min_by_key(|&index| candidates[index].ongoing)
    }
}
