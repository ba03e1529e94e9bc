//! The section `slo`, proved.

use std::time::Duration;

use crate::deployment::autoscaling::fault::AutoscalingFault;
use crate::deployment::autoscaling::number::positive_seconds;

use super::objective::Objective;

/// The objectives of an application: at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SloConfig {
    objectives: Vec<(Objective, Duration)>,
}

impl SloConfig {
    /// Proves the objectives, each in seconds.
    ///
    /// # Errors
    /// All faults at once: none is given, or one is not above 0.
    pub fn new(
        ttft_p95: Option<f64>,
        itl_p95: Option<f64>,
        total_p95: Option<f64>,
    ) -> Result<SloConfig, Vec<AutoscalingFault>> {
        let mut faults = Vec::new();
        let objectives: Vec<_> = [
            (Objective::TimeToFirstToken, ttft_p95),
            (Objective::InterTokenLatency, itl_p95),
            (Objective::Total, total_p95),
        ]
        .into_iter()
        .filter_map(|(objective, value)| Some((objective, value?)))
        .map(|(objective, value)| {
            let bound = positive_seconds(objective.field(), value, &mut faults);
            (objective, bound)
        })
        .collect();
        if objectives.is_empty() {
            faults.push(AutoscalingFault::NoObjective);
        }
        if faults.is_empty() {
            Ok(SloConfig { objectives })
        } else {
            Err(faults)
        }
    }

    /// The objectives with their bounds.
    pub fn objectives(&self) -> &[(Objective, Duration)] {
        &self.objectives
    }
}
