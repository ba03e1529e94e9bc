//! `target_capacity`: the share of all replica counts that is wanted now, and the bounds it gives.

use super::fault::AutoscalingFault;
use super::number::whole;

/// Percent of the configured replica counts that this installation should run: 100 unless said
/// otherwise. Two installations share a load during a migration, for instance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TargetCapacity(f64);

/// The numbers of replicas between which a target stays, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The smallest number.
    pub min: u32,
    /// The largest number, never below `min`.
    pub max: u32,
}

impl TargetCapacity {
    /// All that is configured.
    pub const FULL: TargetCapacity = TargetCapacity(100.0);

    /// Proves `percent`.
    ///
    /// # Errors
    /// [`AutoscalingFault::OutOfRange`] unless it is from 0 to 100.
    pub fn new(percent: f64) -> Result<TargetCapacity, AutoscalingFault> {
        if (0.0..=100.0).contains(&percent) {
            return Ok(TargetCapacity(percent));
        }
        Err(AutoscalingFault::OutOfRange {
            field: "target_capacity",
            value: percent,
            most: 100.0,
        })
    }

    /// The percentage, from 0 to 100.
    pub fn percent(self) -> f64 {
        self.0
    }

    /// This share of `replicas`: rounded half up, and at least 1 unless `replicas` or the capacity
    /// is 0.
    pub fn adjust(self, replicas: u32) -> u32 {
        if self.0 <= 0.0 || replicas == 0 {
            return 0;
        }
        // Adding before the division keeps halves exact.
        whole(((f64::from(replicas) * self.0 + 50.0) / 100.0).floor()).max(1)
    }
}

impl Default for TargetCapacity {
    fn default() -> TargetCapacity {
        TargetCapacity::FULL
    }
}

impl Bounds {
    /// `replicas`, or the nearer bound.
    pub fn clamp(self, replicas: u32) -> u32 {
        // Not `u32::clamp`: the fields are public, and crossed bounds must not panic.
        replicas.min(self.max).max(self.min)
    }
}
