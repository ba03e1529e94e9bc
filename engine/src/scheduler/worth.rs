//! [`Worth`]: whether a block is copied or computed, by what either is known to cost.

use crate::config::BLOCK_SIZE;
use crate::step_cost::{Estimate, MoveCost};

/// What is known of the costs, as of this plan. What is not known is tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Worth {
    /// Of computing.
    pub(super) estimate: Option<Estimate>,
    /// Of copying from memory to the pool.
    pub(super) restore: MoveCost,
    /// Of reading from disk to memory.
    pub(super) fetch: MoveCost,
}

impl Worth {
    /// How many of `blocks` in memory, behind `first` computed ones, are copied: all or none.
    pub(super) fn restored(&self, first: usize, blocks: usize) -> usize {
        let copying = self.restore.seconds(blocks);
        if self.is_quicker(copying, first, blocks) {
            blocks
        } else {
            0
        }
    }

    /// Whether `blocks` on disk, behind `first` computed ones, are read and then copied.
    pub(super) fn fetches(&self, first: usize, blocks: usize) -> bool {
        let copying = self.restore.seconds(blocks).unwrap_or(0.0);
        let reading = self.fetch.seconds(blocks);
        self.is_quicker(reading.map(|seconds| seconds + copying), first, blocks)
    }

    fn is_quicker(&self, copying: Option<f64>, first: usize, blocks: usize) -> bool {
        let (Some(copying), Some(estimate)) = (copying, self.estimate) else {
            return true;
        };
        copying <= estimate.added_seconds(first * BLOCK_SIZE, blocks * BLOCK_SIZE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step_cost::{StepCost, Work};

    /// Copying at so many seconds a block, where a step of 512 tokens takes half a second.
    fn worth(restore: f64, fetch: f64) -> Worth {
        let mut cost = StepCost::new();
        cost.observe(&Work::default().with(0, 512, 1), 0.5);
        let [restore, fetch] = [restore, fetch].map(|seconds| {
            let mut cost = MoveCost::default();
            cost.observe(4, 4.0 * seconds);
            cost
        });
        Worth {
            estimate: cost.estimate(),
            restore,
            fetch,
        }
    }

    #[test]
    fn the_quicker_way_is_taken() {
        // A block takes some 15 ms to compute.
        assert_eq!(worth(0.001, 0.001).restored(0, 32), 32);
        assert_eq!(worth(0.1, 0.001).restored(0, 32), 0);
        assert!(worth(0.001, 0.001).fetches(0, 32));
        assert!(!worth(0.001, 0.1).fetches(0, 32));
        assert!(!worth(0.1, 0.001).fetches(0, 32), "it is copied twice");
    }

    #[test]
    fn what_is_not_known_is_tried() {
        let unknown = Worth {
            estimate: None,
            restore: MoveCost::default(),
            fetch: MoveCost::default(),
        };
        assert_eq!(unknown.restored(3, 7), 7);
        assert!(unknown.fetches(3, 7));
    }
}
